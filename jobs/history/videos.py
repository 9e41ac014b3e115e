"""Compares every published video with what its job says of it, byte for byte."""

import hashlib
import tempfile
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs import storage
from jobs.database import transaction
from jobs.errors import StorageError
from jobs.history.finding import Finding, judged
from jobs.rules.states import State
from jobs.tables import Job

_KEPT = (Job.objects_removed_at.is_(None), Job.deleted_at.is_(None))


@dataclass(frozen=True)
class Published:
    """A video as its job's row describes it."""

    job: str
    key: str
    bytes: int
    sha256: str


def published(session: Session) -> list[Published]:
    """Every video that should lie in the bucket now."""
    kept = select(Job.id, Job.output).where(Job.status == State.COMPLETED, *_KEPT)
    return [
        Published(row[0].hex, row[1]["key"], row[1]["bytes"], row[1]["sha256"])
        for row in session.execute(kept)
        if row[1] is not None
    ]


def as_promised(videos: Collection[Published]) -> Finding:
    """I3 in the bucket: each is there, once, with the length and digest that its row names."""
    with tempfile.TemporaryDirectory(prefix="duologue-history-") as folder:
        broken = _still_kept([video.job for video in videos if not _is_as_told(video, Path(folder) / "video.mp4")])
    return judged(
        "I3",
        "every completed job has its video in the bucket, to the byte",
        len(videos),
        broken,
        "videos past their keeping are not looked for",
    )


def _still_kept(names: Collection[str]) -> list[str]:
    """Without those that were let go while we looked at the bucket."""
    with transaction() as session:
        wanted = [uuid.UUID(hex=name) for name in names]
        return [job_id.hex for job_id in session.scalars(select(Job.id).where(Job.id.in_(wanted), *_KEPT))]


def _is_as_told(video: Published, copy: Path) -> bool:
    try:
        storage.download(video.key, copy, video.bytes)
    except StorageError as error:
        if error.permanent:
            return False  # it is not there, or longer than told
        raise
    with copy.open("rb") as file:
        return copy.stat().st_size == video.bytes and hashlib.file_digest(file, "sha256").hexdigest() == video.sha256
