"""Removes the files of batches that have been kept long enough, and then the batches.

Objects go first and the row after them: whoever is cut off in between, or does it twice, does no harm.
"""

import uuid

from jobs import batches, events, storage
from jobs.errors import StorageError
from jobs.rules.batches import key
from jobs.tables import Batch


def run_once() -> int:
    """Go through all whose time is over; what the bucket will not let go is left for the next turn."""
    done, stuck = 0, list[uuid.UUID]()
    while found := batches.over(stuck):
        gone = [batch.id for batch in found if _remove_files(batch)]
        stuck += [batch.id for batch in found if batch.id not in gone]
        done += batches.forget(gone)
    return done


def _remove_files(batch: Batch) -> bool:
    try:
        storage.remove(storage.keys_below(key(batch.account_id, batch.id)))
    except StorageError as error:
        events.emit("chore.failed", chore="forget_batches", reason=str(error), about=batch.id.hex)
        return False
    return True
