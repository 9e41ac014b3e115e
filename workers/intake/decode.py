"""Decodes one hostile file and says what it is in one line of JSON; runs only as a child process with limits.

`python -m workers.intake.decode '<order>'`. It writes `STARTED` once its libraries are loaded, then its answer:
`{"facts": {...}}` or `{"refused": "sentence"}`. A child that dies in between was stopped by a limit or by the file;
one that dies before is a fault of ours.
"""

import errno
import json
import math
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from jobs.errors import MediaError
from jobs.rules.catalog import Kind
from workers.intake.limits import Limits

Decoder = Callable[[str, Path, Path, Limits], dict[str, Any]]
"""Makes the file of a field, at the first path, regular at the second; what it found. Raises MediaError."""


STARTED: Final = "started"
_OURS: Final = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE}
"""What goes wrong with our disk, not with the caller's file."""


def main() -> None:
    order = json.loads(sys.argv[1])
    limits = Limits(**order["limits"])
    bind(limits)
    decode = _decoder(order["kind"])
    sys.stdout.write(STARTED + "\n")
    sys.stdout.flush()
    sys.stdout.write(json.dumps(_answer(decode, order, limits)) + "\n")


def bind(limits: Limits) -> None:
    """Put this process under its limits, for good. The alarm ends it even when nobody is left to watch it."""
    cpu_seconds = math.ceil(limits.decode_seconds)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits.regular_max_bytes, limits.regular_max_bytes))
    if sys.platform != "darwin":  # macOS refuses to set it
        resource.setrlimit(resource.RLIMIT_AS, (limits.decode_memory_bytes, limits.decode_memory_bytes))
    signal.alarm(cpu_seconds + 1)


def _decoder(kind: Kind) -> Decoder:
    """Load only the library that the kind needs."""
    if kind == "audio":
        from workers.intake import sounds

        return sounds.make_regular
    if kind == "video":
        from workers.intake import films

        return films.probe
    from workers.intake import pictures

    return pictures.make_regular_mask if kind == "mask" else pictures.make_regular


def _answer(decode: Decoder, order: dict[str, Any], limits: Limits) -> dict[str, Any]:
    try:
        return {"facts": decode(order["field"], Path(order["source"]), Path(order["target"]), limits)}
    except MediaError as error:
        return {"refused": error.reason}
    except OSError as error:
        if error.errno not in _OURS:
            raise
        return {"ours": error.strerror}
    except MemoryError:
        return {"refused": "needs too much memory to decode"}


if __name__ == "__main__":
    main()
