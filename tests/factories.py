"""Jobs and their like for tests, made the way a caller makes them."""

from collections.abc import Mapping

from jobs import lifecycle, submission
from jobs.accounts import Caller
from jobs.lifecycle import Claim, Output
from jobs.submission import Wish
from jobs.tables import Job

MULTI = "wavespeed-ai/infinitetalk/multi"
ENGINE = "preview"


def form(**changes: object) -> dict[str, object]:
    """What a caller posts for two speakers; a change to None leaves the field out."""
    given: dict[str, object] = {
        "image": "https://example.com/two.png",
        "left_audio": "https://example.com/left.wav",
        "right_audio": "https://example.com/right.wav",
    }
    return {name: value for name, value in (given | changes).items() if value is not None}


def line(custom_id: str = "row-1", **changes: object) -> dict[str, object]:
    """One line of a batch; a change to None leaves the part out."""
    given: dict[str, object] = {"custom_id": custom_id, "model": MULTI, "inputs": form()}
    return {name: value for name, value in (given | changes).items() if value is not None}


def submit(caller: Caller, *, inputs: Mapping[str, object] | None = None, **wishes: object) -> Job:
    return submission.submit(caller, Wish(model=MULTI, inputs=form(**(inputs or {})), **wishes))  # type: ignore[arg-type]


def claim(worker: str = "worker-1", engine: str = ENGINE) -> Claim:
    found = lifecycle.claim(worker, engine)
    assert found is not None
    return found


def output(claim: Claim) -> Output:
    key = f"{claim.account_id.hex}/jobs/{claim.job_id.hex}/{claim.fence}/{claim.job_id.hex}.mp4"
    return Output(key=key, bytes=9, sha256="0" * 64, width=896, height=448, frames=100, seconds=4.0)
