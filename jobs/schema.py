"""The database's schema, brought to what this code expects, and whether it is there."""

import re
from importlib.resources import files

from alembic.config import Config
from psycopg.errors import DeadlockDetected, LockNotAvailable
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from jobs import database
from jobs.errors import TableInUse, WrongSetting

_IN_USE = (
    "A table that the migrations change was in use for too long, by a long query or a backup say. Nothing was changed: "
    "run `duologue migrate` again, at a quieter moment."
)
_MIGRATION = re.compile(r"(20\d{6}_\d\d)_\w+\.py")


def upgrade() -> None:
    """Run the migrations that are missing, one process at a time: all of them or none.

    Raises TableInUse when somebody holds a table they change, and Unavailable when Postgres is away.
    """
    from alembic import command

    with database.told_as_unavailable():
        try:
            command.upgrade(_config(), "head")
        except OperationalError as error:
            if isinstance(error.orig, LockNotAvailable | DeadlockDetected):
                raise TableInUse(_IN_USE) from None
            raise


def is_current() -> bool:
    """Whether every migration this code knows of has been run; newer ones do it no harm."""
    found = _found()
    return found is not None and found not in _known()[:-1]


def insist() -> None:
    """Stop here if the database is older than this code, which would stumble over what is not there.

    Raises WrongSetting with what to do, and Unavailable when Postgres is away.
    """
    if not is_current():
        raise WrongSetting(f"The database lacks migrations up to {newest()}: run `duologue migrate` first.")


def newest() -> str:
    return _known()[-1]


def _known() -> list[str]:
    """Every migration in the order of history, which is that of their names."""
    names = (_MIGRATION.fullmatch(path.name) for path in (files("migrations") / "versions").iterdir())
    return sorted(name[1] for name in names if name)


def _found() -> str | None:
    """The database's newest migration; None where there never was one."""
    with database.transaction() as session:
        if session.scalar(text("SELECT to_regclass('alembic_version')")) is None:
            return None
        revision: str | None = session.scalar(text("SELECT version_num FROM alembic_version"))
        return revision


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("migrations")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
