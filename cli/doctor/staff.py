"""Checks of our own processes: whether somebody takes jobs, and somebody runs them."""

from pathlib import Path

from cli import door, foreground
from cli.doctor.finding import Finding, failure, ok, warning
from cli.failure import Failure
from jobs import presence


def front_door(data: Path) -> Finding:
    try:
        url = door.address(data)
    except Failure as error:
        return failure("front door", "cannot be looked for", str(error))
    if reason := foreground.why_not_ready(url):
        return warning("front door", f"{url}: {reason}", "Start it with `duologue up`, or set DUOLOGUE_API_URL.")
    return ok("front door", f"{url} takes jobs")


def workers() -> Finding:
    alive = [worker for worker in presence.workers() if worker.is_alive]
    if not alive:
        return warning("workers", "none is alive: jobs are taken, and wait", "Start some with `duologue up`.")
    slots = sum(worker.slots for worker in alive)
    engines = sorted({engine for worker in alive for engine in worker.engines})
    if not engines:
        says = f"{len(alive)} alive, and none can render"
        return warning("workers", says, "Their logs say why: `engine.unfit` or `scratch.full`.")
    return ok("workers", f"{len(alive)} alive with {slots} slots for {', '.join(engines)}")
