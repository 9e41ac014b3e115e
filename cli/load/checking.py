"""What must be true of every job of a load, whatever happened meanwhile; each sentence is a promise that was broken."""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import pairwise

from cli.client import Api, Json, NoAnswer, Refused
from cli.load.driving import Plan, Record
from cli.load.patience import patiently
from jobs.rules.states import FINAL, MOVES, State

_FINAL_EVENTS = {f"job.{state}" for state in FINAL}


def broken_promises(api: Api, plan: Plan, record: Record) -> list[str]:
    """Ask for every job's history once more, and judge it by the tables that the house itself goes by."""
    if record.given_up:
        return [f"what became of the jobs was not seen to the end: {record.given_up}"]
    broken = list(_of_orders(plan, record))
    try:
        for job in _told(api, record):
            broken += _of_job(job)
    except (NoAnswer, Refused) as error:
        broken.append(f"not every job's history could be read: {error}")
    return broken


def _told(api: Api, record: Record) -> Iterator[Json]:
    yield from (patiently(partial(api.job, job_id)) for job_id in record.accepted.values() if job_id in record.jobs)


def _of_orders(plan: Plan, record: Record) -> Iterator[str]:
    """No order is lost, none is two jobs, and one that was sent twice is one."""
    for number, job_id in record.accepted.items():
        if job_id not in record.jobs:
            yield f"order {number} was accepted as {job_id}, and no list has it"
    for job_id, times in Counter(record.accepted.values()).items():
        if times > 1:
            yield f"{times} different orders were all accepted as {job_id}"
    for number, job_id in record.repeated.items():
        if job_id != record.accepted[number]:
            yield f"order {number} is {record.accepted[number]}, and {job_id} when it is sent again"
    if strangers := record.jobs.keys() - set(record.accepted.values()):
        yield f"{len(strangers)} jobs have the tag {plan.tag} and were never ordered, such as {min(strangers)}"


def _of_job(job: Json) -> Iterator[str]:
    """It ends once, by moves that there are, and a completed one has its video."""
    kinds = [event["kind"] for event in job["timeline"]]
    if kinds[:1] != ["job.created"] or kinds.count("job.created") != 1:
        yield f"{job['id']} does not begin with its acceptance: {', '.join(kinds)}"
    ends = [kind for kind in kinds if kind in _FINAL_EVENTS]
    if job["status"] not in FINAL:
        yield f"{job['id']} is still {job['status']}: {job['why_waiting'] or job['stage']}"
    elif ends != [f"job.{job['status']}"] or kinds[-1] not in _FINAL_EVENTS:
        yield f"{job['id']} is {job['status']}, and its ends are: {', '.join(ends) or 'none'}"
    states = [State(event["status"]) for event in job["timeline"]]
    for before, after in pairwise(states):
        if after != before and after not in MOVES[before]:
            yield f"{job['id']} went from {before} to {after}"
    if (job["status"] == "completed") is not bool(job["output"]):
        yield f"{job['id']} is {job['status']} and has {'a' if job['output'] else 'no'} video"
