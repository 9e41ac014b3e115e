"""Removes from the bucket what came too late: a worker that slept through its lease may wake to store its video.

By then the job may be in the archive, and nobody would look there again. Parts of an unfinished video go as soon as the
job is final. What belongs to no job of ours is left alone: the bucket may hold what is none of our business.
"""

from collections.abc import Iterable, Iterator
from itertools import islice

from jobs import retention, storage
from jobs.rules import keys

_PAGE = 1000


def run_once() -> int:
    """Go through the whole bucket; how many objects were removed. Raises StorageError when the bucket is away."""
    return sum(_sweep(page) for page in _pages(storage.keys_below("")))


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
