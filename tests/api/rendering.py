"""Ends jobs the way a worker does, without rendering anything."""

from pathlib import Path

from jobs import lifecycle, storage
from jobs.lifecycle import Output
from jobs.rules import keys
from tests import factories

VIDEO = b"\x00\x00\x00\x20ftypisom a video, as far as the bucket knows"
INFERENCE_MS = 1234


def complete(folder: Path, engine: str = factories.ENGINE) -> None:
    """Give the next waiting job of `engine` its video; `folder` is scratch."""
    claim = factories.claim(engine=engine)
    path = folder / "video.mp4"
    path.write_bytes(VIDEO)
    stored = storage.put(path, keys.video(claim.account_id, claim.job_id, claim.fence), "video/mp4")
    output = Output(
        key=stored.key, bytes=stored.bytes, sha256=stored.sha256, width=896, height=448, frames=100, seconds=4.0
    )
    lifecycle.finish(claim, output, inference_ms=INFERENCE_MS)
