"""Which engine renders a job, and why, in a sentence: chosen when it is ordered, and again when it stumbles."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from jobs.errors import NotAllowed, WrongInput
from jobs.rules.appraisal import ENGINES, GUESS, Asked, Option, Policy, Standing, Trouble, appraise, said
from jobs.rules.retries import PROFILE_MAX, WORKERS_LOST_MAX

WISHES: Final = ("auto", *ENGINES)

FAR_TIMES: Final = 2
"""Waiting jobs are moved only when GPUs would begin them so many times later than jobs may wait for one."""

_OF_ENGINES: Final = frozenset(
    {"engine", "out_of_memory", "provider_away", "provider_busy", "provider_failed", "worker_lost", "worker_unfit"}
)
"""How attempts end that another engine might have done well."""


@dataclass(frozen=True)
class Route:
    """The engine, and why; a probe finds out whether it works again. `considered` is for explanations."""

    engine: str
    reason: str
    considered: tuple[Option, ...] = ()
    is_probe: bool = False


def choose(asked: Asked, standings: Mapping[str, Standing], policy: Policy) -> Route:
    """Follow the caller's wish; `auto` takes the GPUs, and the cloud where they are down or would take too long.

    A wish is obeyed even where it has to wait, and previews are for those who ask, or where there is nothing else.
    Raises WrongInput for a wish that is unknown or not configured here, NotAllowed for what the account may not use.
    """
    _check(asked, standings)
    if asked.wish != "auto":
        return Route(asked.wish, f"{asked.wish} was asked for")
    if "gpu" not in standings and "cloud" not in standings:
        return Route("preview", "auto: preview, because gpu and cloud are not configured")
    gpu, cloud = (appraise(engine, asked, standings, policy) for engine in ("gpu", "cloud"))
    able = [option for option in (gpu, cloud) if option.trouble is not Trouble.BARRED]
    chosen, why = _between(gpu, cloud, policy) if len(able) > 1 else _only(able[0], gpu, cloud)
    return Route(chosen.engine, f"auto: {chosen.engine}, {why}", is_probe=chosen.is_probe)


def explain(asked: Asked, standings: Mapping[str, Standing], policy: Policy) -> Route:
    """As `choose`, with every engine as it looks to the job."""
    considered = tuple(appraise(engine, asked, standings, policy) for engine in ENGINES)
    return replace(choose(asked, standings, policy), considered=considered)


def elsewhere(
    asked: Asked, engine: str, standings: Mapping[str, Standing], policy: Policy, *, why: str = ""
) -> Route | None:
    """Where a job that was given to `engine` goes on instead: the other of gpu and cloud, if that is ready for it.

    `why` says why the job cannot go on here; without it, it goes only if the engine is in trouble. None is to stay,
    as with everything that was wished for by name.
    """
    if asked.wish != "auto" or engine not in ("gpu", "cloud"):
        return None
    other = "cloud" if engine == "gpu" else "gpu"
    here, there = (appraise(name, asked, standings, policy) for name in (engine, other))
    if not there.is_ready or (there.engine == "cloud" and not policy.may_overflow):
        return None
    if not why and here.is_ready:
        return None
    return Route(there.engine, f"auto: {there.engine}, because {why or here.sentence}")


def is_of_engine(error_class: str) -> bool:
    """Whether another engine might have done well where an attempt ended like this."""
    return error_class in _OF_ENGINES


def why_for_good(engine: str, error_class: str, *, profile: int, workers_lost: int) -> str:
    """Why a job that stumbled is not given to the engine again; nothing where it may be."""
    if engine != "gpu":
        return ""
    if error_class == "out_of_memory" and profile >= PROFILE_MAX:
        return "it ran out of memory on gpu with the smallest profile too"
    if error_class == "worker_lost" and workers_lost >= WORKERS_LOST_MAX:
        return f"it took {workers_lost} workers with gpu down"
    return ""


def overflowing(standing: Standing, policy: Policy) -> int:
    """How many of the jobs that wait for a GPU stand so far back that they would wait much too long."""
    if not policy.may_overflow or not standing.slots:
        return 0
    in_time = standing.slots * FAR_TIMES * policy.wait_seconds / (standing.pace or GUESS["gpu"]).run_seconds
    return max(standing.waiting - int(in_time), 0)


def _check(asked: Asked, standings: Mapping[str, Standing]) -> None:
    if asked.wish not in WISHES:
        raise WrongInput(f"engine must be one of {', '.join(WISHES)}.", field="engine")
    if asked.wish not in ("auto", *standings) or not standings:
        there_is = ", ".join(name for name in ENGINES if name in standings) or "none"
        raise WrongInput(f"engine {asked.wish} is not configured here; there is {there_is}.", field="engine")
    meant = {asked.wish} if asked.wish != "auto" else {"gpu", "cloud"} & standings.keys() or {"preview"}
    if not any(asked.may_use(engine) for engine in meant):
        may = ", ".join(sorted(asked.allowed or ())) or "none"
        auto = f" {' or '.join(sorted(meant))}, which auto means here" if asked.wish == "auto" else f" {asked.wish}"
        raise NotAllowed(f"This account may not render on{auto}; it may on {may}.", field="engine")


def _only(option: Option, *both: Option) -> tuple[Option, str]:
    """The one there is, whatever state it is in."""
    [other] = [one for one in both if one.engine != option.engine]
    waits = "" if option.is_ready else f"; it waits there, because {option.sentence}"
    return option, f"because {other.sentence}{waits}"


def _between(gpu: Option, cloud: Option, policy: Policy) -> tuple[Option, str]:
    """Own GPUs first; the cloud for what they cannot do in time."""
    if not policy.may_overflow:
        return gpu, f"{_begins(gpu)}; auto keeps off the cloud here"
    if _is_soon(gpu, policy) or gpu.is_probe:
        return gpu, _begins(gpu)
    is_sooner = not gpu.is_ready or (cloud.wait_seconds or 0.0) < (gpu.wait_seconds or 0.0)
    if (cloud.is_ready or cloud.is_probe) and is_sooner:
        return cloud, f"{_begins(cloud)}, because {_too_late(gpu, policy)}"
    if gpu.is_ready:
        why = "it would begin no sooner on cloud" if cloud.is_ready else cloud.sentence
        return gpu, f"{_begins(gpu)}; {why}"
    best = min(gpu, cloud, key=lambda option: option.trouble)
    other = cloud if best is gpu else gpu
    return best, f"where it waits, because {best.sentence}, and {other.sentence}"


def _is_soon(gpu: Option, policy: Policy) -> bool:
    return gpu.wait_seconds is not None and gpu.wait_seconds <= policy.wait_seconds


def _begins(option: Option) -> str:
    if option.is_probe:
        return "to find out whether it works again"
    return (
        f"where it waits, because {option.sentence}"
        if option.wait_seconds is None
        else (f"where it begins {said(option.wait_seconds)}")
    )


def _too_late(gpu: Option, policy: Policy) -> str:
    if gpu.wait_seconds is None:
        return gpu.sentence
    return f"on gpu it would begin {said(gpu.wait_seconds)}, and {policy.wait_seconds:.0f} s are waited for one"
