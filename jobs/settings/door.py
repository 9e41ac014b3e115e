"""What each program of ours does first: see that its settings can work, or end with a sentence for each that cannot."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from jobs.errors import WrongSetting
from jobs.settings.names import PREFIX
from jobs.settings.reading import load
from jobs.settings.whole import Settings

SERVERS = ("database_url", "broker_url", "s3_access_key_id", "s3_secret_access_key")


@contextmanager
def said_at_the_door() -> Iterator[None]:
    """Make a wrong setting the program's last words, and its status 1."""
    try:
        yield
    except WrongSetting as error:
        sys.exit(str(error))


def with_servers() -> Settings:
    """The settings of a program that needs every server. Raises WrongSetting naming all that are missing."""
    chosen = load()
    missing = [PREFIX + name.upper() for name in SERVERS if not getattr(chosen, name).get_secret_value()]
    if missing:
        raise WrongSetting(
            f"{', '.join(missing)}: not set. Start everything with `duologue up`, or set each in the environment, "
            "or with _FILE behind its name to the path of a file that holds it."
        )
    return chosen
