"""What `duologue up` does about the jobs of a worker that ends: nobody waits in silence, and no job for its lease."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cli import orphans
from cli.log import Log
from jobs.errors import Unavailable


def of_an_earlier_run(log: Log) -> None:
    """Have the jobs go on that the workers of an earlier run held, one that was killed with all it had started."""
    with _if_the_database_answers(log):
        _tell(log, orphans.end_leases(orphans.the_dead()), "of an earlier run, which was killed, will go on")


def when_one_dies(log: Log) -> Callable[[int], None]:
    """Takes the number of a worker that has died by itself, and has its jobs go on."""

    def bury(pid: int) -> None:
        with _if_the_database_answers(log):
            _tell(log, orphans.end_leases({pid}), "it was doing will go on")

    return bury


def what_is_waited_for(pid: int, drain_seconds: float, log: Log) -> str:
    """What the end of this worker waits for, in words; nothing when it is idle."""
    with _if_the_database_answers(log):
        if count := orphans.held_by(pid):
            return (
                f"{_jobs(count)} {'is' if count == 1 else 'are'} being done and given {drain_seconds:g} s; "
                "what is not done by then goes on after the next start."
            )
    return ""


def hand_back(pid: int, log: Log) -> None:
    """Put the jobs of a worker that we have ended back into the queue."""
    with _if_the_database_answers(log):
        _tell(log, orphans.hand_back(pid), "cut off will go on after the next start")


def _tell(log: Log, count: int, what: str) -> None:
    if count:
        log.say(f"{_jobs(count)} {what}.")


def _jobs(count: int) -> str:
    return f"{count} job{'' if count == 1 else 's'}"


@contextmanager
def _if_the_database_answers(log: Log) -> Iterator[None]:
    try:
        yield
    except Unavailable:
        log.say("The database is away: jobs that were being done go on once their leases have run out.")
