"""Reads the lines of batches and writes the files of their results; needs only Postgres and the bucket.

No transaction is open while a file is fetched, read or stored; a lease keeps others from the batch meanwhile.
"""

import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from jobs import batches, events, storage
from jobs.batches import Sheet
from jobs.errors import CallerError, LeaseLost, StorageError, Unavailable, WorkerUnfit
from jobs.rules.batches import FILE_MAX_BYTES, key
from jobs.tables import Batch
from workers import probing, scratch
from workers.batch_lease import BatchLease

_TRIES_MAX = 100
"""So many may die over the lines of one batch or be unfit for them; where the bucket is away none is counted."""
_PAUSE_SECONDS = 10.0
_UNFIT_SECONDS = 60.0

Work = Callable[[Batch, Path, BatchLease], None]


def read_all() -> int:
    """Read every batch that waits for it and open those that can be opened; how many there were."""
    return _each(lambda before: batches.take_unread(is_probing=False, after=before), _read)


def probe_all() -> int:
    """As `read_all`, those whose voices are measured too: that takes minutes, and nobody else's lines wait for it."""
    return _each(lambda before: batches.take_unread(is_probing=True, after=before), _read)


def close_all() -> int:
    """Write the results of every batch whose jobs are all final; how many there were."""
    return _each(lambda _: batches.take_ended(), _close)


def _each(take: Callable[[uuid.UUID | None], Batch | None], work: Work) -> int:
    """Work on all that `take` gives, told whose batch was the last."""
    done, account_id = 0, None
    while (batch := take(account_id)) is not None:
        # Whoever has it now goes on; what we did of it counts for nothing.
        with suppress(LeaseLost), scratch.folder() as folder:
            _try(batch, folder, work)
        done, account_id = done + 1, batch.account_id
    return done


def _try(batch: Batch, folder: Path, work: Work) -> None:
    """One try; while the bucket or the database is away the batch waits and loses nothing, not even the try."""
    try:
        with BatchLease(batch) as lease:
            work(batch, folder, lease)
    except (StorageError, Unavailable, WorkerUnfit) as error:
        events.emit("batch.stumbled", batch=batch.id.hex, reason=str(error))
        is_unfit = isinstance(error, WorkerUnfit)
        batches.hand_back(batch, _UNFIT_SECONDS if is_unfit else _PAUSE_SECONDS, is_counted=is_unfit)


def _read(batch: Batch, folder: Path, lease: BatchLease) -> None:
    if batch.fence > _TRIES_MAX:
        advice = " Send it without probe, with the length of each voice." if batch.is_probing else ""
        return batches.fail(batch, f"Its lines could not be read in {_TRIES_MAX} tries.{advice}")
    try:
        caller = batches.caller_of(batch)
        if batch.input_key is None:
            sheet = batches.read_failed(batch, caller, folder, lease.report)
        else:
            measure = probing.measuring(batch.account_id, folder, lease.report) if batch.is_probing else None
            path = _fetched(batch.input_key, folder)
            sheet = batches.read_file(batch, caller, path, folder, lease.report, measure=measure)
    except Unavailable:
        raise
    except CallerError as error:
        return batches.fail(batch, str(error))
    if sheet.bad:
        _keep(batch, sheet)
    return batches.settle(batch, caller, sheet)


def _fetched(input_key: str, folder: Path) -> Path:
    """The file, here. Raises WrongInput when it is not there or too long."""
    path = folder / "lines.jsonl"
    batches.check_there(input_key)
    storage.download(input_key, path, FILE_MAX_BYTES)
    return path


def _keep(batch: Batch, sheet: Sheet) -> None:
    """Have all bad lines in the bucket before anybody is told of them."""
    _, _, bad_lines = sheet.paths
    storage.put(bad_lines, key(batch.account_id, batch.id, batches.BAD_LINES), "application/jsonl")


def _close(batch: Batch, folder: Path, lease: BatchLease) -> None:
    if batches.BAD_LINES in batch.files:
        storage.download(key(batch.account_id, batch.id, batches.BAD_LINES), folder / batches.ERRORS)
    written = batches.write(batch, folder, lease.check)
    for name in written:
        storage.put(folder / name, key(batch.account_id, batch.id, name), batches.CONTENT_TYPES[name])
        lease.check()
    batches.finish(batch, written)
