"""Removes what has been kept long enough: videos, stored inputs, uploads, used idempotency keys.

Objects go first and the note in the row after them: whoever is cut off in between, or does it twice, does no harm.
"""

import uuid
from collections.abc import Callable, Iterable
from typing import TypeVar

from jobs import events, retention, storage
from jobs.errors import StorageError
from jobs.rules import keys
from jobs.tables import Job, Upload

Row = TypeVar("Row", Job, Upload)


def run_once() -> int:
    """Remove everything whose time is over, a batch at a time; how many jobs, uploads and names that were."""
    done = _prune(retention.expired_jobs, _objects_of_job, retention.mark_removed)
    done += _prune(retention.expired_uploads, _object_of_upload, retention.forget_uploads)
    while freed := retention.forget_idempotency_keys():
        done += freed
    return done


def _prune(
    expired: Callable[[list[uuid.UUID]], list[Row]],
    objects: Callable[[Row], Iterable[str]],
    note: Callable[[list[uuid.UUID]], None],
) -> int:
    """Go through all that has expired; what the bucket will not let go is left for the next turn and stops nothing."""
    done, stuck = 0, list[uuid.UUID]()
    while rows := expired(stuck):
        gone = [row.id for row in rows if _remove(objects, row)]
        stuck += [row.id for row in rows if row.id not in gone]
        note(gone)
        done += len(gone)
    return done


def _remove(objects: Callable[[Row], Iterable[str]], row: Row) -> bool:
    try:
        storage.remove(objects(row))
    except StorageError as error:
        events.emit("chore.failed", chore="prune", reason=str(error), about=row.id.hex)
        return False
    return True


def _objects_of_job(job: Job) -> Iterable[str]:
    return storage.keys_below(keys.job(job.account_id, job.id))


def _object_of_upload(upload: Upload) -> Iterable[str]:
    return [upload.object_key]
