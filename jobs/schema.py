"""Brings the database's schema to what this code expects, and tells whether it is there."""

from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from jobs import database


def upgrade() -> None:
    """Run the migrations that are missing, one process at a time. Raises Unavailable when Postgres is away."""
    with database.told_as_unavailable():
        command.upgrade(_config(), "head")


def is_current() -> bool:
    """Whether every migration this code knows of has been run; newer ones do it no harm."""
    script = ScriptDirectory.from_config(_config())
    older = {revision.revision for revision in script.walk_revisions()} - {script.get_current_head()}
    with database.transaction() as session:
        found = MigrationContext.configure(session.connection()).get_current_revision()
    return found is not None and found not in older


def newest() -> str | None:
    return ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("migrations")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
