"""Everything that can be set, read once into one frozen object; a wrong setting stops the program with a sentence."""

from jobs.settings.door import said_at_the_door, with_servers
from jobs.settings.engines import EngineName
from jobs.settings.names import FILE_SUFFIX, PREFIX, READ_BY_OTHERS
from jobs.settings.reading import load
from jobs.settings.servers import BROKERS
from jobs.settings.whole import Settings

__all__ = [
    "BROKERS",
    "FILE_SUFFIX",
    "PREFIX",
    "READ_BY_OTHERS",
    "EngineName",
    "Settings",
    "load",
    "said_at_the_door",
    "with_servers",
]
