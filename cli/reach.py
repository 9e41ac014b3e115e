"""Makes the database reachable for a command: one's own, the one that runs here, or one started for the moment.

It never makes one: who is in the wrong folder would be told that all is done, and nothing would be.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli import door, environment, note, stack, whereabouts
from cli.failure import Failure
from cli.screen import say
from jobs import database, schema, settings


@contextmanager
def current_database(data: Path) -> Iterator[None]:
    """The database of this data folder, its schema brought up to date. Raises WrongSetting or Failure."""
    use_the_servers_of_up(data)
    if not settings.load().database_url.get_secret_value():
        _refuse_the_wrong_place(data)
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


def _refuse_the_wrong_place(data: Path) -> None:
    """Raise Failure where the database of this folder is none, or not that of the API which the environment names."""
    if not stack.has_database(data):
        place = "name the folder of yours with --data, set DUOLOGUE_DATABASE_URL, or start anew with `duologue up`"
        raise Failure(f"There is no database in {data}: {place}.")
    if host := door.elsewhere():
        place = f"set DUOLOGUE_DATABASE_URL to its database, or unset DUOLOGUE_API_URL to mean {data}"
        raise Failure(f"DUOLOGUE_API_URL names {host}, whose database is not in {data}: {place}.")


def _bring_up_to_date() -> None:
    if not schema.is_current():
        say("Bringing the database's schema up to date.")
        schema.upgrade()
