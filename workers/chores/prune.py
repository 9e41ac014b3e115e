"""Removes what has been kept long enough: videos, stored inputs, uploads, used idempotency keys."""

from jobs import retention, storage
from jobs.rules import keys


def run_once() -> int:
    """Remove everything whose time is over, a batch at a time; how many jobs and uploads that were.

    Objects go first and the note in the row after them: whoever is cut off in between, or does it twice, does no harm.
    """
    return _prune_jobs() + _prune_uploads() + retention.forget_idempotency_keys()


def _prune_jobs() -> int:
    done = 0
    while expired := retention.expired_jobs():
        for job in expired:
            storage.remove(storage.keys_below(keys.job(job.account_id, job.id)))
        retention.mark_removed([job.id for job in expired])
        done += len(expired)
    return done


def _prune_uploads() -> int:
    done = 0
    while expired := retention.expired_uploads():
        storage.remove(upload.object_key for upload in expired)
        retention.forget_uploads([upload.id for upload in expired])
        done += len(expired)
    return done
