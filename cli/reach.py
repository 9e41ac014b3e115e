"""Makes the database reachable for a command: one's own, the one that runs here, or one started for the moment."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli import environment, note, stack, whereabouts
from cli.screen import say
from jobs import database, schema


@contextmanager
def current_database(data: Path) -> Iterator[None]:
    """The database of this data folder, its schema brought up to date. Raises WrongSetting or Failure."""
    use_the_servers_of_up(data)
    with stack.running(data, parts=("database",)) as running:
        environment.adopt(running.environment)
        try:
            with whereabouts.named():
                _bring_up_to_date()
                yield
        finally:
            database.engine().dispose()


def use_the_servers_of_up(data: Path) -> None:
    """Take over servers of one's own that `duologue up` was given, so that we do not speak to others by mistake."""
    if running := note.read(data):
        environment.adopt(running.servers)


def _bring_up_to_date() -> None:
    if not schema.is_current():
        say("Bringing the database's schema up to date.")
        schema.upgrade()
