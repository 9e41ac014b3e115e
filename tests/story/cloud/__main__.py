"""Runs one seed: jobs for an upstream with every fault, and programs that are killed; status 1 on a broken promise.

`python -m tests.story.cloud --seed 7 --jobs 500 --kills 12`
"""

import argparse
import sys
import time

from sqlalchemy import func, select

from jobs.database import transaction
from jobs.errors import Unavailable
from jobs.tables import Job, UpstreamTry
from tests.story.chaos.callers import Stream
from tests.story.cloud import bill, report
from tests.story.cloud.plan import Plan, draw
from tests.story.cloud.storm import Storm
from tests.story.cloud.verdict import Verdict, judge
from tests.story.cloud.world import World, clear_away, world
from tests.story.house import wait_for

CALM_SECONDS = 900.0


def main() -> int:
    chosen = _arguments()
    plan = draw(chosen.seed, jobs=chosen.jobs, kills=chosen.kills, seconds=chosen.seconds)
    again = (
        f"python -m tests.story.cloud --seed {chosen.seed} --jobs {chosen.jobs} --kills {chosen.kills}"
        f" --seconds {chosen.seconds:g}"
    )
    heard = "callbacks" if plan.has_callbacks else "no callbacks"
    report.say(f"seed {plan.seed}: {plan.jobs} jobs by {plan.inputs}, {heard}, {len(plan.kills)} kills")
    with world(plan) as made:
        verdict = _run(made, plan)
    if verdict.wrongs:
        report.say(f"The logs are in {made.folder}. The same run again: {again}")
    else:
        clear_away(made)
    return 1 if verdict.wrongs else 0


def _run(made: World, plan: Plan) -> Verdict:
    made.wait_until_open()
    began_at = time.monotonic()
    stream, storm = Stream(made, plan, CALM_SECONDS), Storm(made, plan)
    stream.begin()
    storm.begin()
    stream.wait()
    storm.wait()
    stormy_seconds = time.monotonic() - began_at
    made.fake.set_faults(all=0.0)
    wait_for(lambda: _count_unfinished() == 0, f"every job is final; see {made.folder}", CALM_SECONDS)
    final_seconds = time.monotonic() - began_at
    made.end_what_never_ends()
    wait_for(lambda: _count_open() == 0, f"every try has ended; see {made.folder}", CALM_SECONDS)
    made.ear.calm()
    wait_for(made.ear.has_heard_all, "every webhook is told", CALM_SECONDS)
    _wait_for_the_bill(made)
    verdict = judge(made, plan, stream.book)
    report.show(made.fake, stream.book, storm, verdict, (stormy_seconds, final_seconds))
    return verdict


def _wait_for_the_bill(made: World) -> None:
    """The chore reads it every few seconds; what is still uneven after many of them stays so."""
    give_up_at = time.monotonic() + 60
    while not bill.compare(made.fake).is_even and time.monotonic() < give_up_at:
        time.sleep(1)


def _count_unfinished() -> int | None:
    try:
        with transaction() as session:
            return session.scalar(select(func.count()).where(Job.finished_at.is_(None)))
    except Unavailable:
        return None


def _count_open() -> int | None:
    try:
        with transaction() as session:
            return session.scalar(select(func.count()).where(UpstreamTry.ended_at.is_(None)))
    except Unavailable:
        return None


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.story.cloud", description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="the same seed plans the same run")
    parser.add_argument("--jobs", type=int, default=500, help="how many jobs are ordered")
    parser.add_argument("--kills", type=int, default=12, help="how many programs are killed")
    parser.add_argument("--seconds", type=float, default=180.0, help="how long jobs are ordered and programs killed")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
