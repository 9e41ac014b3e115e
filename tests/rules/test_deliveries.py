from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as some

from jobs.rules import deliveries
from jobs.rules.deliveries import KINDS, Again, Delivered, GiveUp, Standing, Tried

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DONE = "job.completed"


def tried(status: int | None = None, began_at: datetime = NOW, told_seconds: float | None = None) -> Tried:
    error = "" if status else "it did not answer in time"
    return Tried(began_at, began_at + timedelta(seconds=1), status, error, told_seconds)


@given(status=some.integers(200, 299), tries=some.integers(1, 10), chance=some.floats(0, 1))
def test_any_success_is_a_delivery(status: int, tries: int, chance: float) -> None:
    assert deliveries.after_try(tried(status), DONE, tries, chance) == Delivered()


def test_tries_are_spread_over_three_days() -> None:
    pauses = []
    for tries in range(1, deliveries.TRIES_MAX):
        verdict = deliveries.after_try(tried(500), DONE, tries, chance=0.5)
        assert isinstance(verdict, Again)
        pauses.append(verdict.pause_seconds)
    assert pauses[:6] == [5, 300, 1800, 7200, 18_000, 36_000]
    assert timedelta(days=3) < timedelta(seconds=sum(pauses)) < timedelta(days=3.5)
    assert deliveries.after_try(tried(500), DONE, deliveries.TRIES_MAX, chance=0.5) == GiveUp(
        "it answered 500; given up after 10 tries"
    )


@given(tries=some.integers(1, 9), chance=some.floats(0, 1))
def test_chance_spreads_a_pause_by_a_tenth(tries: int, chance: float) -> None:
    verdict = deliveries.after_try(tried(None), DONE, tries, chance)
    assert isinstance(verdict, Again)
    assert 0.899 <= verdict.pause_seconds / deliveries.PAUSES_SECONDS[tries - 1] <= 1.101


def test_we_come_back_no_sooner_than_told_but_within_a_day() -> None:
    assert deliveries.after_try(tried(503, told_seconds=60), DONE, 1, chance=0) == Again(60)
    assert deliveries.after_try(tried(503, told_seconds=1), DONE, 1, chance=0.5) == Again(5)
    assert deliveries.after_try(tried(429, told_seconds=1e9), DONE, 1, chance=0) == Again(86_400)


def test_a_receiver_that_is_gone_wants_no_more() -> None:
    verdict = deliveries.after_try(tried(410), DONE, 1, chance=0)
    assert isinstance(verdict, GiveUp)
    assert verdict.disables


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_a_failure_and_says_so(status: int) -> None:
    assert isinstance(deliveries.after_try(tried(status), DONE, 1, chance=0), Again)
    assert deliveries.why(tried(status)) == f"it answered {status}, and redirects are not followed"


def test_what_is_permanent_and_what_is_of_the_moment_is_tried_once() -> None:
    refused = Tried(NOW, NOW, None, "the host is refused", is_permanent=True)
    assert deliveries.after_try(refused, DONE, 1, chance=0) == GiveUp("the host is refused")
    for kind in deliveries.ONCE:
        assert isinstance(deliveries.after_try(tried(500), kind, 1, chance=0), GiveUp)


def test_five_failures_in_a_row_shut_a_receiver_longer_each_time() -> None:
    standing, moment, shut = Standing(), NOW, []
    for _ in range(12):
        standing = deliveries.after_failure(standing, tried(500, moment), DONE, chance=1)
        moment += timedelta(seconds=1)
        assert standing.shut_until is not None
        shut.append((standing.shut_until - moment).total_seconds())
        moment = max(moment, standing.shut_until)
    assert shut == [0, 0, 0, 0, 30, 60, 120, 240, 480, 900, 900, 900]
    assert standing.failing_since == NOW + timedelta(seconds=1)


def test_posts_that_fail_together_count_once() -> None:
    standing = Standing()
    for _ in range(20):
        standing = deliveries.after_failure(standing, tried(None), DONE, chance=1)
    assert standing.failures == 1


@pytest.mark.parametrize("status", [302, 400, 401, 404, 405, 422])
def test_an_answer_to_one_delivery_shuts_nobody_but_is_remembered(status: int) -> None:
    standing = deliveries.after_failure(Standing(), tried(status), DONE, chance=1)
    assert (standing.failures, standing.shut_until) == (0, None)
    assert standing.failing_since is not None


def test_too_many_shuts_a_receiver_for_as_long_as_it_said_and_an_hour_at_most() -> None:
    for told, expected in ((60, 60), (1e6, 3600)):
        standing = deliveries.after_failure(Standing(), tried(429, told_seconds=told), DONE, chance=0)
        assert standing.shut_until == NOW + timedelta(seconds=1 + expected)


def failing(status: int, *days: float, kind: str = DONE) -> Standing:
    """How a receiver stands after it failed on these days."""
    standing = Standing()
    for day in days:
        standing = deliveries.after_failure(standing, tried(status, NOW + timedelta(days=day)), kind, chance=0)
    return standing


@pytest.mark.parametrize("status", [500, 404])
def test_a_receiver_is_given_up_after_five_days_of_failure(status: int) -> None:
    assert not deliveries.is_hopeless(failing(status, 0, 1, 2, 3, 4, 4.9), NOW + timedelta(days=4.9))
    assert deliveries.is_hopeless(failing(status, 0, 1.1, 2.2, 3.3, 4.4, 5.1), NOW + timedelta(days=5.1))
    assert not deliveries.is_hopeless(Standing(), NOW)


@pytest.mark.parametrize("status", [500, 404])
def test_a_failure_after_a_long_quiet_goes_on_with_nothing(status: int) -> None:
    standing = failing(status, 0, 1, 6)
    assert standing.failing_since == NOW + timedelta(days=6, seconds=1)
    assert not deliveries.is_hopeless(standing, NOW + timedelta(days=6, seconds=1))


def test_tests_begin_no_days_of_failure_but_shut() -> None:
    standing = failing(500, 0, 1, 2, 3, 4, 5, kind=deliveries.TEST)
    assert (standing.failing_since, standing.failures) == (None, 6)


def test_an_endpoint_that_hears_of_nothing_but_progress_is_given_up_too() -> None:
    standing = failing(500, 0, 1, 2, 3, 4, 5, kind="job.progress")
    assert deliveries.is_hopeless(standing, NOW + timedelta(days=5, seconds=1))


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (None, None),
        ("120", 120),
        (" 0 ", 0),
        ("Sun, 22 Nov 2026 12:01:00 GMT", 60),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0),
        ("Mon, 01 Jan 2024 00:00:00 +99999999999999999", None),
        ("soon", None),
        ("-5", None),
        ("\u00b2", None),
        ("9" * 400, 999_999_999_999),
    ],
)
def test_a_retry_after_is_read_as_a_number_or_a_date(said: str | None, seconds: float | None) -> None:
    assert deliveries.told_seconds(said, NOW) == seconds


@given(text=some.text(max_size=40))
def test_no_retry_after_upsets_us(text: str) -> None:
    found = deliveries.told_seconds(text, NOW)
    assert found is None or found >= 0


def test_a_lane_is_one_account_and_one_host() -> None:
    account = uuid4()

    def lane(url: str, of: UUID = account) -> UUID:
        return deliveries.lane_of(of, url)

    assert lane("https://h.example/a") == lane("https://H.example:443/b?c=d")
    others = {lane("https://h.example/"), lane("http://h.example/"), lane("https://h.example:8443/")}
    assert len({*others, lane("https://g.example/"), lane("https://h.example/", uuid4())}) == 5


def test_every_kind_is_explained() -> None:
    assert all(sentence.endswith(".") for sentence in KINDS.values())
    assert KINDS.keys() >= deliveries.FINAL_KINDS
