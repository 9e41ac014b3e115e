"""Moves jobs that have been kept long enough, or were deleted, into the archive; their objects leave the bucket first.

The row goes last: whoever is cut off in between, or does it twice, leaves nothing behind.
"""

from jobs import events, retention, storage
from jobs.errors import StorageError
from jobs.retention import Leaving
from jobs.rules import keys


def run_once() -> int:
    """Move everything whose time is over, a batch at a time; how many jobs were let go or moved."""
    done = 0
    while found := retention.let_go():
        done += found
    for batch in retention.leaving():
        done += retention.archive([one.job.id for one in batch if _remove_objects(one)])
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
