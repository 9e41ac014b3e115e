"""Keeps a claimed job alive from a thread of its own, and stops the work when it must not go on."""

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Literal, Self

from jobs import events, lifecycle, settings
from jobs.errors import LeaseLost, Unavailable
from jobs.lifecycle import Claim

_PAUSE_SECONDS = 0.5

Verdict = Literal["lost", "cancelled", "overdue", "draining"]


class Stopped(Exception):
    """The work was ended on purpose; `verdict` says why."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict)
        self.verdict = verdict


class Lease:
    """Renews `claim` every few seconds. On bad news it sets the verdict and calls whatever `on_stop` was given."""

    def __init__(self, claim: Claim, must_drain: Callable[[], bool]) -> None:
        self._claim = claim
        self._must_drain = must_drain
        self._is_over = threading.Event()
        self._stage, self._progress = "preparing", 0.0
        self._on_stop: Callable[[], None] = lambda: None
        self._verdict: Verdict | None = None
        self._lock = threading.Lock()
        self._woken = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"lease-{claim.job_id.hex}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()

    def report(self, stage: str, progress: float) -> None:
        """Remember how far the work is; told with the next renewal."""
        self._stage, self._progress = stage, min(max(progress, 0.0), 1.0)

    def on_stop(self, stop: Callable[[], None]) -> None:
        """Have `stop` called on bad news; at once when it has come already."""
        with self._lock:
            self._on_stop = stop
            is_late = self._verdict is not None
        if is_late:
            stop()

    def check(self) -> None:
        """Raise Stopped if the work must not go on."""
        if self._verdict is not None:
            raise Stopped(self._verdict)

    @property
    def is_stopped(self) -> bool:
        return self._verdict is not None

    def pause(self, seconds: float) -> None:
        """Sleep, but wake on bad news and raise Stopped then."""
        self._woken.wait(seconds)
        self.check()

    def insist(self, call: Callable[[], None]) -> None:
        """Make `call` until Postgres is there to hear it, for as long as the lease may still be ours."""
        while True:
            try:
                return call()
            except Unavailable:
                self.pause(_PAUSE_SECONDS)

    def settle(self, call: Callable[[], None]) -> None:
        """Make the `call` that lets go of the job, until Postgres hears it; past the lease a rescuer settles it."""
        give_up_at = time.monotonic() + settings.load().lease_seconds
        while time.monotonic() < give_up_at:
            try:
                return call()
            except Unavailable:
                time.sleep(_PAUSE_SECONDS)
            except LeaseLost:
                break
        events.emit("lease.lost", job=self._claim.job_id.hex, fence=self._claim.fence)
        return None

    def _keep(self) -> None:
        chosen = settings.load()
        renewed = time.monotonic()  # a clock that is set must not cost a job
        while not self._is_over.wait(chosen.renew_seconds):
            try:
                standing = lifecycle.renew(self._claim, self._stage, self._progress)
                renewed = time.monotonic()
            except LeaseLost:
                return self._stop("lost")
            except Unavailable:
                # Without Postgres nobody else can take the job either; past the lease we no longer know.
                if time.monotonic() - renewed > chosen.lease_seconds:
                    return self._stop("lost")
                continue
            if standing != "good":
                return self._stop(standing)
            if self._must_drain():
                return self._stop("draining")
        return None

    def _stop(self, verdict: Verdict) -> None:
        events.emit("lease.lost" if verdict == "lost" else "job.stopping", job=self._claim.job_id.hex, why=verdict)
        with self._lock:
            self._verdict = verdict
            stop = self._on_stop
        self._woken.set()
        stop()
