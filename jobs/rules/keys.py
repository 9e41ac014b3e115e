"""Where objects lie in the bucket: every key begins with its account, then says what it belongs to."""

import re
import uuid
from typing import Final

_MAX_BYTES: Final = 1024
_OF_JOB = re.compile(r"[0-9a-f]{32}/jobs/([0-9a-f]{32})/")
_OURS = re.compile(r"[0-9a-f]{32}/(jobs|uploads|batches)/[0-9a-f]{32}/")
_KEPT = re.compile(_OF_JOB.pattern + r"(\d+)/kept/")


def account(account_id: uuid.UUID) -> str:
    return f"{account_id.hex}/"


def is_of(account_id: uuid.UUID, key: str) -> bool:
    """Whether this, which a caller wrote, can be a key below the account.

    Some buckets walk up at `..`; a NUL makes buckets answer as if they were away, and no database takes it.
    """
    if not key.startswith(account(account_id)) or not key.isprintable() or len(key.encode()) > _MAX_BYTES:
        return False
    return not {"", ".", ".."} & set(key.replace("\\", "/").split("/"))


def is_ours(key: str) -> bool:
    """Whether it is of a shape that we give; the bucket may hold what is none of our business."""
    return _OURS.match(key) is not None


def upload(account_id: uuid.UUID, upload_id: uuid.UUID, filename: str) -> str:
    return f"{account(account_id)}uploads/{upload_id.hex}/{filename}"


def job(account_id: uuid.UUID, job_id: uuid.UUID) -> str:
    return f"{account(account_id)}jobs/{job_id.hex}/"


def job_of(key: str) -> uuid.UUID | None:
    """The job that an object belongs to; None for whatever else lies in the bucket."""
    found = _OF_JOB.match(key)
    return uuid.UUID(hex=found[1]) if found else None


def regular_input(account_id: uuid.UUID, job_id: uuid.UUID, fence: int, filename: str) -> str:
    """An input made regular by the holder of `fence`."""
    return f"{job(account_id, job_id)}{fence}/inputs/{filename}"


def video(account_id: uuid.UUID, job_id: uuid.UUID, fence: int) -> str:
    """The finished video of the holder of `fence`: two holders never write the same object."""
    return f"{job(account_id, job_id)}{fence}/{job_id.hex}.mp4"


def kept(account_id: uuid.UUID, job_id: uuid.UUID, fence: int, name: str) -> str:
    """Part of an unfinished video, kept by the holder of `fence` for whoever goes on."""
    return f"{job(account_id, job_id)}{fence}/kept/{name}"


def is_kept(key: str) -> bool:
    """Whether it is part of an unfinished video: of no use once the job is final."""
    return _KEPT.match(key) is not None


def fence_of(kept_key: str) -> int:
    """Whose it is, of a key that `kept` made."""
    found = _KEPT.match(kept_key)
    return int(found[2]) if found else 0
