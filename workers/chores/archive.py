"""Moves jobs that have been kept long enough, or were deleted, into the archive; their objects leave the bucket first.

The row goes last: whoever is cut off in between, or does it twice, leaves nothing behind.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Final

from jobs import events, retention, storage
from jobs.errors import StorageError
from jobs.retention import Leaving
from jobs.rules import keys

_AT_ONCE: Final = 16
"""Jobs whose objects are removed at once: a bucket takes its milliseconds over each call, and a job has several."""


def run_once() -> int:
    """Move everything whose time is over, a batch at a time; how many jobs were let go or moved."""
    done = retention.let_go()
    with ThreadPoolExecutor(_AT_ONCE) as hands:
        for batch in retention.leaving():
            gone = hands.map(_remove_objects, batch)
            done += retention.archive([one.job.id for one, is_gone in zip(batch, gone, strict=True) if is_gone])
    return done


def _remove_objects(leaving: Leaving) -> bool:
    """Whether all are gone; what the bucket will not let go is left for the next turn and stops nothing."""
    job, lent = leaving
    try:
        storage.remove(key for key in storage.keys_below(keys.job(job.account_id, job.id)) if key not in lent)
    except StorageError as error:
        events.emit("chore.failed", chore="archive", reason=str(error), about=job.id.hex)
        return False
    return not lent
