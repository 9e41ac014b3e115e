"""Promises about tries at the upstream, by their rows alone: nothing here is sent anywhere."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest

from jobs import lifecycle, upstream
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.lifecycle import arriving, costing, forwarding, pursuing
from jobs.lifecycle.arriving import Video
from jobs.lifecycle.forwarding import Sending
from jobs.lifecycle.pursuing import Open
from jobs.rules.breaker import FAILURES_MAX
from jobs.rules.states import State
from jobs.tables import Account, Engine, Job, UpstreamTry
from tests import factories, routed
from tests.conftest import Member
from tests.past import execute
from tests.paying import kept
from tests.routed import prepared

VIDEO = Video("https://example.com/video.mp4", is_flagged=False, inference_ms=10)


@pytest.fixture(autouse=True)
def _a_cloud(database: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    routed.configure(monkeypatch)


def forward(most: int = 9) -> list[Sending]:
    return forwarding.forward(upstream.configured(), most)


def limit(caller: Caller, **terms: object) -> None:
    with transaction() as session:
        account = session.get_one(Account, caller.account_id)
        for name, value in terms.items():
            setattr(account, name, value)


def try_of(try_id: uuid.UUID) -> UpstreamTry:
    with transaction() as session:
        return session.get_one(UpstreamTry, try_id)


def status_of(job: Job) -> str:
    with transaction() as session:
        return session.get_one(Job, job.id).status


def in_doubt() -> Open:
    """The one try that nobody sends any more, as a sweep sees it."""
    execute("UPDATE upstream_tries SET held_until = clock_timestamp()")
    [one] = pursuing.open_of(routed.KEY_NAME)
    return one


def test_an_account_has_no_more_jobs_at_the_upstream_at_once_than_it_may(caller: Caller) -> None:
    for _ in range(3):
        prepared(caller)
    limit(caller, running_max=2)

    assert len(forward()) == 2
    assert forward() == []


def test_an_account_whose_tally_is_kept_does_not_hold_up_others_jobs(caller: Caller, stranger: Member) -> None:
    prepared(caller)
    other = prepared(stranger.caller)
    for account in (caller, stranger.caller):
        limit(account, running_max=2)

    with kept(caller):
        assert [sending.job_id for sending in forward()] == [other.id]
    assert len(forward()) == 1


def test_a_job_that_ended_before_it_was_sent_is_not_sent(caller: Caller) -> None:
    job = prepared(caller)
    [sending] = forward()
    lifecycle.cancel(caller, job.id)

    assert forwarding.mark({sending.try_id: "https://example.com/left.wav"}) == set()


def test_whoever_had_a_try_in_hand_since_it_was_looked_for_is_not_contradicted(caller: Caller) -> None:
    job = prepared(caller)
    [sending] = forward()
    seen = in_doubt()
    forwarding.still_sending([sending.try_id])
    forwarding.mark({sending.try_id: "https://example.com/left.wav"})
    forwarding.doubted([sending.try_id])

    arriving.not_there(seen.id, seen.doubted_since)
    arriving.unproven(seen.id, seen.doubted_since)
    assert (try_of(seen.id).outcome, status_of(job)) == (None, State.FORWARDED)

    again = in_doubt()
    assert again.doubted_since - seen.doubted_since > timedelta(0)
    arriving.not_there(again.id, again.doubted_since)
    assert (try_of(seen.id).outcome, status_of(job)) == ("not_found", State.WAITING)


def test_what_ended_or_is_there_is_not_held_by_whoever_says_that_it_is_still_sending(caller: Caller) -> None:
    for _ in range(4):
        prepared(caller)
    ended, there, doubted, held = (sending.try_id for sending in forward())
    execute("UPDATE upstream_tries SET held_until = clock_timestamp() WHERE id = :id", id=ended)
    [seen] = pursuing.open_of(routed.KEY_NAME)
    arriving.not_there(seen.id, seen.doubted_since)
    forwarding.accepted({there: "prediction-1"})
    forwarding.doubted([doubted])

    assert forwarding.still_sending([ended, there, doubted, held]) == {held}
    assert [try_of(try_id).held_until for try_id in (ended, there, doubted)] == [None] * 3


def test_what_was_unproven_is_known_to_be_there_once_the_upstream_says_so(caller: Caller) -> None:
    job = prepared(caller)
    forward()
    seen = in_doubt()
    arriving.unproven(seen.id, seen.doubted_since)

    assert lifecycle.discovered(seen.id, "prediction-1")

    one = try_of(seen.id)
    assert (one.outcome, one.upstream_id, status_of(job)) == ("unproven", "prediction-1", State.FAILED)


def test_an_answer_that_comes_after_its_try_was_given_up_lets_the_bill_say_what_was_paid_twice(caller: Caller) -> None:
    job = prepared(caller)
    [sending] = forward()
    forwarding.mark({sending.try_id: "https://example.com/left.wav"})
    seen = in_doubt()
    arriving.not_there(seen.id, seen.doubted_since)
    since = try_of(seen.id).made_at

    forwarding.accepted({seen.id: "prediction-1"})
    costing.charge(routed.KEY_NAME, since, {"prediction-1": Decimal("0.15")})

    one = try_of(seen.id)
    assert (one.outcome, one.upstream_id, one.cost_usd) == ("not_found", "prediction-1", Decimal("0.15"))
    assert status_of(job) == State.WAITING


def test_an_answer_that_comes_late_does_not_give_one_prediction_to_two_tries(caller: Caller) -> None:
    for _ in range(2):
        prepared(caller)
    ended, another = (sending.try_id for sending in forward())
    execute("UPDATE upstream_tries SET held_until = clock_timestamp() WHERE id = :id", id=ended)
    [seen] = pursuing.open_of(routed.KEY_NAME)
    arriving.not_there(seen.id, seen.doubted_since)
    forwarding.accepted({another: "prediction-1"})

    forwarding.accepted({ended: "prediction-1"})

    assert try_of(ended).upstream_id is None


def test_a_prediction_that_one_try_has_is_not_found_for_another(caller: Caller) -> None:
    prepared(caller)
    [sending] = forward()
    forwarding.accepted({sending.try_id: "prediction-1"})
    arriving.completed({sending.try_id: VIDEO})

    execute("UPDATE upstream_tries SET upstream_key = 'another key of the same account'")
    assert pursuing.strangers(["prediction-1", "prediction-2"]) == {"prediction-2"}


def test_a_try_whose_key_is_gone_is_looked_after_by_one_once_nobody_sends_it_any_more(caller: Caller) -> None:
    prepared(caller)
    [sending] = forward()
    assert pursuing.strays(["another key"], 9) == []

    execute("UPDATE upstream_tries SET held_until = clock_timestamp()")

    assert pursuing.strays([routed.KEY_NAME], 9) == []
    assert [one.id for one in pursuing.strays(["another key"], 9)] == [sending.try_id]
    assert pursuing.strays(["another key"], 9) == [], "another forwarder has it for a minute"


@pytest.mark.parametrize("pays", [True, False])
def test_whoever_pays_for_cancelled_jobs_pays_while_the_video_is_fetched(caller: Caller, *, pays: bool) -> None:
    limit(caller, pays_cancelled=pays)
    job = prepared(caller)
    [sending] = forward()
    forwarding.accepted({sending.try_id: "prediction-1"})
    arriving.completed({sending.try_id: VIDEO})
    fetching = factories.claim(engine="cloud")
    lifecycle.cancel(caller, job.id)
    lifecycle.confirm_cancel(fetching)

    with transaction() as session:
        ended = session.get_one(Job, job.id)
    assert ended.status == State.CANCELLED
    assert (ended.price_usd > 0) is pays


@pytest.mark.parametrize("is_there", [True, False])
def test_whoever_pays_for_cancelled_jobs_pays_only_for_what_the_upstream_has(caller: Caller, *, is_there: bool) -> None:
    limit(caller, pays_cancelled=True)
    job = prepared(caller)
    [sending] = forward()
    forwarding.mark({sending.try_id: "https://example.com/left.wav"})
    if is_there:
        forwarding.accepted({sending.try_id: "prediction-1"})

    assert (lifecycle.cancel(caller, job.id).price_usd > 0) is is_there


def test_a_forwarder_that_fell_silent_costs_the_job_no_attempt_and_is_not_the_upstreams_fault(caller: Caller) -> None:
    jobs = [prepared(caller) for _ in range(FAILURES_MAX)]
    forward()
    execute("UPDATE upstream_tries SET held_until = clock_timestamp()")
    for seen in pursuing.open_of(routed.KEY_NAME):
        arriving.not_there(seen.id, seen.doubted_since)

    with transaction() as session:
        attempts = [session.get_one(Job, job.id).attempt for job in jobs]
        assert session.get(Engine, "cloud") is None
    assert attempts == [0] * FAILURES_MAX


def test_whoever_says_that_it_is_sending_and_whoever_knows_the_answers_never_wait_for_each_other(
    caller: Caller,
) -> None:
    for _ in range(12):
        prepared(caller)
    ids = [sending.try_id for sending in forward()]
    names = {try_id: f"prediction-{number}" for number, try_id in enumerate(reversed(ids))}

    def say(number: int) -> None:
        if number % 2:
            forwarding.still_sending(ids[number % 5 :] + ids[: number % 5])
        else:
            forwarding.accepted(names)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(say, range(60)))

    assert {try_of(try_id).upstream_id for try_id in ids} == set(names.values())


@pytest.mark.parametrize(("hours", "state"), [(5, State.FORWARDED), (7, State.FAILED)])
def test_what_the_upstream_has_not_rendered_in_six_hours_fails_though_a_gpu_may_take_days(
    caller: Caller, hours: int, state: State
) -> None:
    job = prepared(caller)
    forward()
    execute("UPDATE jobs SET started_at = now() - make_interval(hours => :hours)", hours=hours)
    assert lifecycle.expire() == (state is State.FAILED)
    assert status_of(job) == state
