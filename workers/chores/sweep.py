"""Removes from the bucket what came too late: a worker that slept through its lease may wake to store its video.

By then the job may be in the archive, and nobody would look there again. Parts of an unfinished video go as soon as the
job is final, and so does what was cut off while it was being stored. What belongs to no job of ours is left alone: the
bucket may hold what is none of our business.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import islice
from typing import Final

from jobs import clock, events, retention, storage
from jobs.errors import StorageError
from jobs.rules import keys

_PAGE = 1000
_CUT_OFF: Final = timedelta(days=2)
"""Nobody stores one object for so long."""


def run_once() -> int:
    """Go through the whole bucket; how many objects were removed. Raises StorageError when the bucket is away."""
    swept = sum(_sweep(page) for page in _pages(storage.keys_below("")))
    try:
        return swept + _throw_away_parts()
    except StorageError as error:  # not every bucket knows the call, or lets us; a rule of its own can do the same
        events.emit("sweep.incomplete", reason=str(error))
        return swept


def _throw_away_parts() -> int:
    """What a killed process had stored of an object is paid for, though no list of keys has it."""
    begun = list(storage.cut_off(clock.now() - _CUT_OFF))
    ours = [(key, upload) for key, upload in begun if keys.is_ours(key)]
    for key, upload in ours:
        storage.throw_away(key, upload)
    return len(ours)


def _sweep(page: list[str]) -> int:
    owners = {key: job_id for key in page if (job_id := keys.job_of(key)) is not None}
    gone = retention.archived(set(owners.values()))
    done = retention.final({job_id for key, job_id in owners.items() if keys.is_kept(key)})
    late = [key for key, job_id in owners.items() if job_id in gone or (job_id in done and keys.is_kept(key))]
    storage.remove(late)
    return len(late)


def _pages(found: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(found)
    while page := list(islice(rest, _PAGE)):
        yield page
