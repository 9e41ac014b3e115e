"""Removes uploads nobody needs any more, frees used idempotency keys and forgets kinds of failures nobody meets.

Objects go first and the row after them: whoever is cut off in between, or does it twice, does no harm.
"""

import uuid
from typing import Final

from jobs import events, failures, retention, storage
from jobs.errors import StorageError
from jobs.tables import Upload

_BATCH: Final = 1000


def run_once() -> int:
    """Remove everything whose time is over, a batch at a time; how many uploads, names and kinds that were."""
    done = _prune_uploads()
    while freed := retention.forget_idempotency_keys():
        done += freed
    while forgotten := failures.forget(_BATCH):
        done += forgotten
    return done


def _prune_uploads() -> int:
    """Go through all that have expired; what the bucket will not let go is left for the next turn and stops nothing."""
    done, stuck = 0, list[uuid.UUID]()
    while uploads := retention.expired_uploads(stuck):
        gone = [upload.id for upload in uploads if _remove_object(upload)]
        stuck += [upload.id for upload in uploads if upload.id not in gone]
        retention.forget_uploads(gone)
        done += len(gone)
    return done


def _remove_object(upload: Upload) -> bool:
    try:
        storage.remove([upload.object_key])
    except StorageError as error:
        events.emit("chore.failed", chore="prune", reason=str(error), about=upload.id.hex)
        return False
    return True
