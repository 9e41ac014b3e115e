"""Keeps a claimed job alive from a thread of its own, and stops the work when it must not go on."""

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Literal, Self, TypeVar

from jobs import events, lifecycle, settings
from jobs.errors import LeaseLost, Unavailable
from jobs.lifecycle import Claim

_PAUSE_SECONDS = 0.5
_PARTING_SECONDS = 5.0

Result = TypeVar("Result")

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
        self._held_until = time.monotonic() + settings.load().lease_seconds
        self._thread = threading.Thread(target=self._keep, name=f"lease-{claim.job_id.hex}", daemon=True)
        self._watchman = threading.Thread(target=self._watch, name=f"watch-{claim.job_id.hex}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._watchman.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        # A renewal that hangs in a frozen Postgres must not hold the slot too; what it says no longer matters.
        self._thread.join(_PARTING_SECONDS)

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
    def verdict(self) -> Verdict | None:
        """Why the work must not go on; None while it may."""
        return self._verdict

    def pause(self, seconds: float) -> None:
        """Sleep, but wake on bad news and raise Stopped then."""
        self._woken.wait(seconds)
        self.check()

    def insist(self, call: Callable[[], Result]) -> Result:
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
        """Renew until it is over. Whatever ends this thread otherwise, the work is told to stop: nobody renews then."""
        try:
            while not self._is_over.wait(settings.load().renew_seconds):
                if (verdict := self._renew()) is not None:
                    return self._stop(verdict)
        finally:
            if not self._is_over.is_set():
                self._stop("lost")
        return None

    def _renew(self) -> Verdict | None:
        """Renew once; bad news if there is any. Without Postgres nobody else can take the job either, for a while."""
        asked = time.monotonic()
        try:
            standing = lifecycle.renew(self._claim, self._stage, self._progress)
        except LeaseLost:
            return "lost"
        except Unavailable:
            return None
        self._held_until = asked + settings.load().lease_seconds
        if standing != "good":
            return standing
        return "draining" if self._must_drain() else None

    def _watch(self) -> None:
        """Stop the work once the lease has run out unrenewed, even if a renewal hangs; by a clock that nobody sets."""
        while not self._is_over.wait(max(self._held_until - time.monotonic(), 0.0)):
            if time.monotonic() >= self._held_until:
                return self._stop("lost")
        return None

    def _stop(self, verdict: Verdict) -> None:
        with self._lock:
            if self._verdict is not None:
                return
            self._verdict = verdict
            stop = self._on_stop
        events.emit("lease.lost" if verdict == "lost" else "job.stopping", job=self._claim.job_id.hex, why=verdict)
        self._woken.set()
        stop()
