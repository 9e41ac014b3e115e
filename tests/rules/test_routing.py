"""Promises about who renders what; the worked cases of docs/engines.md are read from that page."""

import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.errors import NotAllowed, WrongInput
from jobs.rules import routing
from jobs.rules.appraisal import ENGINES, Asked, Policy, Standing, Trouble
from jobs.rules.breaker import Phase
from jobs.rules.estimates import Pace
from jobs.rules.retries import POLICIES, PROFILE_MAX
from jobs.rules.routing import Route
from tests.house import tree

PAGE = tree.text("docs/engines.md")
PRICE_USD = Decimal("0.60")
WELL = Standing(workers=1, slots=2, per_minute=None, pace=Pace(120.0, 12.0))
COLUMNS = ("asked for", "may use", "gpu", "cloud", "settings", "goes to", "reason")
SAID: dict[str, dict[str, object]] = {
    "well": {},
    "nobody alive": {"workers": 0, "slots": 0},
    "shut": {"phase": Phase.OPEN, "shut_because": "its last 5 jobs failed, the latest with engine"},
    "tried again": {"phase": Phase.HALF_OPEN},
    "paused": {"paused_because": "new drivers"},
    "budget used up": {"budget_left_usd": Decimal("0.10")},
    "not measured": {"pace": None},
}


def cases() -> Iterator[dict[str, str]]:
    """The rows of the page's table of cases."""
    table = PAGE.partition("| asked for |")[2].partition("\n\n")[0]
    for line in table.splitlines()[2:]:
        cells = [cell.strip().strip("`") for cell in line.strip("|").split("|")]
        yield dict(zip(COLUMNS, cells, strict=True))


def standing(cell: str) -> Standing | None:
    """What a cell of the page says of an engine."""
    found = WELL
    for part in (part.strip() for part in cell.split(",")):
        if part == "not configured":
            return None
        if number := re.fullmatch(r"(\d+) (places|busy|waiting|s a job|a minute)", part):
            count = int(number[1])
            names = {"places": "slots", "busy": "busy", "waiting": "waiting", "a minute": "per_minute"}
            change = {"pace": Pace(count, 12.0)} if number[2] == "s a job" else {names[number[2]]: count}
            found = replace(found, **change)
        else:
            found = replace(found, **SAID[part])  # type: ignore[arg-type]  # a field or two
    return found


def policy(cell: str) -> Policy:
    found = Policy()
    if number := re.search(r"wait (\d+) s", cell):
        found = replace(found, wait_seconds=float(number[1]))
    return replace(found, may_overflow="no overflow" not in cell)


def decide(case: dict[str, str]) -> Route:
    told = {"gpu": standing(case["gpu"]), "cloud": standing(case["cloud"]), "preview": WELL}
    allowed = None if case["may use"] == "all" else frozenset(case["may use"].split(", "))
    asked = Asked(case["asked for"], allowed, 10.0, PRICE_USD)
    return routing.choose(asked, {name: one for name, one in told.items() if one}, policy(case["settings"]))


CASES = list(cases())


@pytest.mark.parametrize("case", CASES, ids=[f"case {number}" for number, _ in enumerate(CASES, 1)])
def test_the_page_says_what_happens(case: dict[str, str]) -> None:
    if case["goes to"] == "refused":
        with pytest.raises((NotAllowed, WrongInput), match=re.escape(case["reason"])):
            decide(case)
    else:
        route = decide(case)
        assert (route.engine, route.reason) == (case["goes to"], case["reason"])


def test_the_page_has_every_trouble_an_engine_can_be_in() -> None:
    cells = " ".join(f"{case['gpu']} {case['cloud']}" for case in CASES)
    assert [words for words in SAID if words not in cells] == []
    assert len(CASES) >= 15


seconds = st.floats(0, 1e6)
standings = st.builds(
    Standing,
    workers=st.integers(0, 3),
    slots=st.integers(0, 5000),
    busy=st.integers(0, 6000),
    waiting=st.integers(0, 10_000),
    per_minute=st.none() | st.integers(1, 5000),
    pace=st.none() | st.builds(Pace, st.floats(0.1, 1e5), st.floats(0.01, 1e3)),
    phase=st.sampled_from(Phase),
    paused_because=st.sampled_from(["", "new drivers"]),
    budget_left_usd=st.none() | st.decimals(-10, 10, places=2),
)
houses = st.dictionaries(st.sampled_from(ENGINES), standings, min_size=1)
policies = st.builds(Policy, wait_seconds=seconds, may_overflow=st.booleans(), gpu_usd_per_hour=st.just(Decimal(2)))
orders = st.builds(
    Asked,
    wish=st.sampled_from(routing.WISHES),
    allowed=st.none() | st.frozensets(st.sampled_from(ENGINES)),
    video_seconds=st.none() | st.floats(0.1, 600),
    price_usd=st.decimals(0, 72, places=2),
)


@given(orders, houses, policies)
def test_what_was_wished_for_is_obeyed_what_is_forbidden_never_done_and_a_sentence_said(
    asked: Asked, house: dict[str, Standing], chosen: Policy
) -> None:
    try:
        route = routing.explain(asked, house, chosen)
    except (NotAllowed, WrongInput):
        meant = {asked.wish} if asked.wish != "auto" else house.keys() & {"gpu", "cloud"} or {"preview"}
        assert not any(name in house and asked.may_use(name) for name in meant)
        return
    assert route.engine in house
    assert asked.may_use(route.engine)
    assert asked.wish in ("auto", route.engine)
    assert route.engine != "preview" or asked.wish == "preview" or house.keys() == {"preview"}
    assert route.engine in route.reason
    assert [option.engine for option in route.considered] == list(ENGINES)
    assert all(option.sentence and (option.wait_seconds or 0) >= 0 for option in route.considered)


@given(orders, houses, policies)
def test_nothing_waits_for_an_engine_in_trouble_while_another_is_ready(
    asked: Asked, house: dict[str, Standing], chosen: Policy
) -> None:
    asked, chosen = replace(asked, wish="auto", allowed=None), replace(chosen, may_overflow=True)
    if house.keys() == {"preview"}:
        return
    route = routing.explain(asked, house, chosen)
    options = {option.engine: option for option in route.considered}
    if not options[route.engine].is_ready and not route.is_probe:
        assert not any(options[name].is_ready for name in ("gpu", "cloud"))


@given(houses, policies, st.sampled_from(["gpu", "cloud"]), st.sampled_from(["", "it cannot"]))
def test_a_job_goes_elsewhere_only_where_it_is_welcome(
    house: dict[str, Standing], chosen: Policy, engine: str, why: str
) -> None:
    asked = Asked(price_usd=PRICE_USD)
    route = routing.elsewhere(asked, engine, house, chosen, why=why)
    assert routing.elsewhere(replace(asked, wish=engine), engine, house, chosen, why=why) is None
    assert routing.elsewhere(replace(asked, allowed=frozenset({engine})), engine, house, chosen, why=why) is None
    if route is not None:
        options = {option.engine: option for option in routing.explain(asked, house, chosen).considered}
        assert {engine, route.engine} == {"gpu", "cloud"}
        assert options[route.engine].trouble is Trouble.NONE
        assert why or not options[engine].is_ready
        assert chosen.may_overflow or route.engine == "gpu"


@pytest.mark.parametrize("error_class", POLICIES)
def test_what_no_other_engine_could_mend_moves_no_job(error_class: str) -> None:
    mended = {"engine", "out_of_memory", "worker_lost", "worker_unfit"}
    mended |= {name for name in POLICIES if name in {"provider_away", "provider_busy", "provider_failed"}}
    assert routing.is_of_engine(error_class) == (error_class in mended)


def test_a_gpu_is_left_for_good_when_it_is_too_small_or_was_taken_down_twice() -> None:
    assert not routing.why_for_good("gpu", "out_of_memory", profile=PROFILE_MAX - 1, workers_lost=0)
    assert "memory" in routing.why_for_good("gpu", "out_of_memory", profile=PROFILE_MAX, workers_lost=0)
    assert not routing.why_for_good("gpu", "worker_lost", profile=0, workers_lost=1)
    assert "2 workers" in routing.why_for_good("gpu", "worker_lost", profile=0, workers_lost=2)
    assert not routing.why_for_good("cloud", "worker_lost", profile=0, workers_lost=2)


@given(standings, policies)
def test_what_is_left_waiting_for_a_gpu_begins_in_twice_the_time_it_may_wait(gpu: Standing, chosen: Policy) -> None:
    excess = routing.overflowing(gpu, chosen)
    assert 0 <= excess <= gpu.waiting
    assert (chosen.may_overflow and gpu.slots) or not excess, "without workers there is no line to stand in"
