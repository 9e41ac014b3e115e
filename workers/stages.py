"""How one attempt spends its time: each stage is told of as it ends, and the whole with what came of it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from jobs import events
from jobs.lifecycle import Claim


class Stages:
    """`seconds` holds what each stage took so far. Whatever is told meanwhile in this thread is told of the job."""

    def __init__(self, claim: Claim, began_at: float | None = None) -> None:
        """`began_at` is when the claim was asked for, by the monotonic clock."""
        now = time.monotonic()
        self.outcome = "completed"
        self._failed: dict[str, str] = {}
        self.seconds: dict[str, float] = {}
        self._began_at = now if began_at is None else began_at
        self._claim_seconds = now - self._began_at
        traced = {} if claim.traceparent is None else {"traceparent": claim.traceparent}
        self._about = events.about(
            job=claim.job_id.hex, engine=claim.engine, attempt=claim.attempt, fence=claim.fence, **traced
        )

    def __enter__(self) -> Self:
        self._about.__enter__()
        events.emit("stage.ended", stage="claim", seconds=self._claim_seconds)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        seconds = time.monotonic() - self._began_at
        events.emit("attempt.ended", outcome=self.outcome, seconds=seconds, **self._failed)
        self._about.__exit__(kind, error, trace)

    def fail(self, error_class: str) -> None:
        """The attempt has come to nothing, for this reason."""
        self.outcome, self._failed = "failed", {"error_class": error_class}

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Count the time meanwhile as that stage's."""
        began_at = time.monotonic()
        try:
            yield
        finally:
            seconds = time.monotonic() - began_at
            self.seconds[stage] = round(self.seconds.get(stage, 0.0) + seconds, 3)
            events.emit("stage.ended", stage=stage, seconds=seconds)
