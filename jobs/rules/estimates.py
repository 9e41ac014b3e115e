"""When a job will begin and end, and why it still waits, from what has been measured; never better than that."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Queue:
    """What a waiting job sees: jobs to go before it, slots that serve its engine, and how many of those are busy."""

    ahead: int
    slots: int
    busy: int


@dataclass(frozen=True)
class Pace:
    """Medians over the engine's latest jobs of one resolution: seconds of running a job, and per second of video.

    Eight of ten of them took from `least` to `most` times the median of their length.
    """

    run_seconds: float
    realtime_factor: float
    least: float = 1.0
    most: float = 1.0


@dataclass(frozen=True)
class Span:
    """Seconds from now: expected, and between which two it should be, eight times of ten."""

    expected: float
    least: float
    most: float

    def then(self, later: "Span") -> "Span":
        """One after the other."""
        return Span(self.expected + later.expected, self.least + later.least, self.most + later.most)


def run_seconds(pace: Pace, video_seconds: float | None) -> float:
    """How long one attempt takes; a job of unknown length takes as long as the others do."""
    return pace.run_seconds if video_seconds is None else pace.realtime_factor * video_seconds


def starts_in_seconds(queue: Queue, pace: Pace, due_in_seconds: float) -> float | None:
    """Seconds until a waiting job begins; None when nobody is there to begin it.

    Whoever is served by a free slot begins now; the others wait for whole rounds of all slots, the one that is
    running being half done on average.
    """
    if queue.slots <= 0:
        return None
    free = max(queue.slots - queue.busy, 0)
    if queue.ahead < free:
        return max(due_in_seconds, 0.0)
    rounds = (queue.ahead - free) // queue.slots + 0.5
    return max(due_in_seconds, rounds * pace.run_seconds)


def run_span(pace: Pace, video_seconds: float | None, elapsed_seconds: float = 0.0) -> Span:
    """How long an attempt takes that has taken so much already."""
    expected = run_seconds(pace, video_seconds)
    return Span(*(max(expected * part - elapsed_seconds, 0.0) for part in (1.0, pace.least, pace.most)))


def start_span(queue: Queue, pace: Pace, due_in_seconds: float) -> Span | None:
    """In how many seconds a waiting job begins; what single jobs take too much or too little evens out over many."""
    expected = starts_in_seconds(queue, pace, due_in_seconds)
    if expected is None:
        return None
    evened = math.sqrt(max(expected / pace.run_seconds, 1.0)) if pace.run_seconds else 1.0
    least, most = (max(expected * (1 + (part - 1) / evened), due_in_seconds, 0.0) for part in (pace.least, pace.most))
    return Span(expected, least, most)


def remaining_seconds(elapsed_seconds: float, progress: float, expected_seconds: float | None) -> float | None:
    """Seconds until a running job ends: from its own progress once there is some, else from what others took."""
    if progress > 0.05:  # noqa: PLR2004 - below a twentieth the start-up still shows
        return elapsed_seconds * (1 - progress) / progress
    return None if expected_seconds is None else max(expected_seconds - elapsed_seconds, 0.0)


def why_waiting(engine: str, queue: Queue, due_in_seconds: float, last_reason: str) -> str:
    """Say in a sentence why a waiting job is not running."""
    if due_in_seconds > 0:
        because = f": {last_reason}" if last_reason else ""
        return f"It is tried again in {due_in_seconds:.0f} s, after its last attempt did not end well{because}."
    if queue.slots <= 0:
        return f"No worker with the {engine} engine is alive; start one, or see `duologue doctor`."
    if queue.ahead:
        jobs = "job goes" if queue.ahead == 1 else "jobs go"
        return f"{queue.ahead} {jobs} first; {queue.busy} of {queue.slots} slots are busy."
    if queue.busy >= queue.slots:
        return f"It is next; all {queue.slots} slots are busy."
    return "It is next; a worker is being woken."
