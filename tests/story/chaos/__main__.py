"""Runs one seed: a stream of jobs under a storm of faults, then the judgement; status 1 when a promise was broken.

`python -m tests.story.chaos --seed 7 --minutes 3 --jobs 200 --faults 30`
"""

import argparse
import sys
import time

from sqlalchemy import Select, func, select

from jobs.database import transaction
from jobs.errors import Unavailable
from jobs.tables import ArchivedJob, Batch, Job
from tests.story.chaos import report
from tests.story.chaos.callers import Stream
from tests.story.chaos.faults import Storm
from tests.story.chaos.plan import Plan, draw
from tests.story.chaos.verdict import Verdict, judge
from tests.story.chaos.world import World, world
from tests.story.house import wait_for

CALM_SECONDS = 300.0


def main() -> int:
    chosen = _arguments()
    plan = draw(chosen.seed, jobs=chosen.jobs, faults=chosen.faults, minutes=chosen.minutes)
    again = (
        f"python -m tests.story.chaos --seed {chosen.seed} --minutes {chosen.minutes:g}"
        f" --jobs {chosen.jobs} --faults {chosen.faults}"
    )
    report.say(f"seed {plan.seed}: {plan.jobs} jobs, {len(plan.faults)} faults, {chosen.minutes:g} minutes")
    with world(plan, chosen.minutes) as made:
        verdict = _run(made, plan)
        if verdict.wrongs:
            report.say(f"The logs are in {made.house.folder}. The same run again: {again}")
            made.is_kept = True
    return 1 if verdict.wrongs else 0


def _run(made: World, plan: Plan) -> Verdict:
    made.wait_until_open()
    began_at = time.monotonic()
    stream, storm = Stream(made, plan), Storm(made, plan.faults)
    stream.begin()
    storm.begin()
    stream.wait()
    storm.wait()
    stormy_seconds = time.monotonic() - began_at
    wait_for(lambda: _unfinished() == 0, "every job and batch is final", CALM_SECONDS)
    made.ear.calm()
    wait_for(made.ear.has_heard_all, "every webhook is told", CALM_SECONDS)
    wait_for(lambda: bool(_archived()), "jobs are archived", CALM_SECONDS)
    verdict = judge(made, plan, stream.book, storm)
    report.show(stream.book, storm, verdict, stormy_seconds, time.monotonic() - began_at)
    return verdict


def _unfinished() -> int | None:
    jobs = _count(select(func.count()).where(Job.finished_at.is_(None)))
    batches = _count(select(func.count()).where(Batch.finished_at.is_(None)))
    return None if jobs is None or batches is None else jobs + batches


def _archived() -> int | None:
    return _count(select(func.count()).select_from(ArchivedJob))


def _count(question: Select[int]) -> int | None:
    """None while the database is away."""
    try:
        with transaction() as session:
            return session.scalar(question)
    except Unavailable:
        return None


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.story.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="the same seed plans the same run")
    parser.add_argument("--minutes", type=float, default=3.0, help="how long jobs are submitted and faults strike")
    parser.add_argument("--jobs", type=int, default=200, help="how many jobs are submitted")
    parser.add_argument("--faults", type=int, default=30, help="how many faults strike")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
