"""Promises about the fault switches: what each does, that the seed alone decides, and that nothing is paid wrongly."""

from collections.abc import Callable
from decimal import Decimal

import httpx
import pytest

from cli.failure import Failure
from cli.fake_wavespeed.faults import FAILURES, SWITCHES, Faults
from cli.fake_wavespeed.plan import read_faults, read_keys
from tests.fakes.wavespeed import QUICK, SOLO, Fake, wait_for, wavespeed

FORM = {"image": "https://example.com/a.png", "audio": "https://example.com/a.wav"}


def test_the_same_seed_strikes_the_same_and_another_does_not() -> None:
    def row(seed: int, *, beside: float = 0.0) -> list[bool]:
        faults = Faults(seed, {"never_ends": 0.5, "webhook_lost": beside})
        return [(faults.strikes("webhook_lost"), faults.strikes("never_ends"))[1] for _ in range(64)]

    assert row(1) == row(1) == row(1, beside=0.7)
    assert row(1) != row(2)
    assert 16 < sum(row(1)) < 48


def test_switches_are_read_with_or_without_a_rate() -> None:
    assert read_faults("webhook_lost=0.25, never_ends") == {"webhook_lost": 0.25, "never_ends": 0.1}
    assert read_faults("all=0.05,never_ends=0") == dict.fromkeys(SWITCHES, 0.05) | {"never_ends": 0.0}


@pytest.mark.parametrize("text", ["webhook_gone", "never_ends=2", "never_ends=often", "all=nan"])
def test_a_switch_that_cannot_be_is_told_in_a_sentence(text: str) -> None:
    with pytest.raises(Failure, match=r"never_ends|webhook_gone|rate"):
        read_faults(text)


def test_a_key_of_an_unknown_tier_is_told_in_a_sentence() -> None:
    with pytest.raises(Failure, match="There is no tier platinum"):
        read_keys("mine=platinum")


@pytest.mark.parametrize(
    ("fault", "seen", "taken"),
    [
        ("submit_busy", 429, 0),
        ("submit_fails", 500, 0),
        ("submit_dropped", httpx.RemoteProtocolError, 0),
        ("submit_fails_late", 500, 1),
        ("reply_dropped", httpx.RemoteProtocolError, 1),
        ("reply_hangs", httpx.ReadTimeout, 1),
        ("reply_garbled", 200, 1),
    ],
)
def test_a_spoiled_submit_is_taken_or_not(fault: str, seen: int | type[Exception], taken: int) -> None:
    with wavespeed(**QUICK, faults={fault: 1.0}) as fake:
        patience = 0.5 if fault == "reply_hangs" else 30
        outcome = outcome_of(lambda: fake.http.post(f"/api/v3/{SOLO}", json=FORM, headers=KEY, timeout=patience))

        assert outcome == seen
        assert len(fake.jobs()) == taken


@pytest.mark.parametrize(
    ("fault", "seen"),
    [("read_busy", 429), ("read_fails", 500), ("read_dropped", httpx.RemoteProtocolError), ("read_garbled", 200)],
)
def test_a_spoiled_read_leaves_submits_alone(fault: str, seen: int | type[Exception]) -> None:
    with wavespeed(**QUICK, faults={fault: 1.0}) as fake:
        assert outcome_of(lambda: fake.call("GET", "/balance")) == seen
        fake.submit()


def test_jobs_fail_with_every_code_in_turn_and_are_free() -> None:
    with wavespeed(**QUICK, faults={"ends_badly": 1.0}) as fake:
        jobs = [fake.ended(fake.submit()["id"]) for _ in FAILURES]

        assert [job["code"] for job in jobs] == sorted(FAILURES)
        assert {(job["status"], job["owed_usd"]) for job in jobs} == {("failed", "0.00")}
        assert all(job["error"] for job in jobs)
        assert Decimal(fake.bill()["total_usd"]) == 0


def test_odd_endings_have_no_output() -> None:
    with wavespeed(**QUICK, faults={"ends_oddly": 1.0}) as fake:
        jobs = [fake.ended(fake.submit()["id"]) for _ in range(4)]

        assert [job["status"] for job in jobs] == ["cancelled", "timeout", "deleted", "completed"]
        assert [job["outputs"] for job in jobs] == [[]] * 4


def test_a_refund_comes_late_or_never() -> None:
    with wavespeed(**QUICK, faults={"ends_badly": 1.0, "refund_late": 1.0}) as fake:
        late = fake.ended(fake.submit()["id"])["id"]
        wait_for(lambda: fake.job(late)["owed_usd"] == "0.00")
    with wavespeed(**QUICK | {"late_seconds": 3600.0}, faults={"ends_badly": 1.0, "refund_late": 1.0}) as fake:
        assert fake.ended(fake.submit()["id"])["owed_usd"] == "0.15"
        fake.set_faults(refund_late=0.0, refund_lost=1.0)
        assert fake.ended(fake.submit()["id"])["owed_usd"] == "0.15"
        fake.set_faults(refund_lost=0.0)
        assert fake.ended(fake.submit()["id"])["owed_usd"] == "0.00"


def test_a_job_that_never_ends_ends_when_a_test_says_so() -> None:
    with wavespeed(**QUICK, faults={"never_ends": 1.0}) as fake:
        stuck = fake.submit()["id"]
        fake.set_faults(never_ends=0.0)
        fake.ended(fake.submit()["id"])
        assert fake.job(stuck)["status"] == "processing"
        fake.finish(stuck, code=1200)

        assert (fake.job(stuck)["status"], fake.job(stuck)["code"]) == ("failed", 1200)


def test_the_list_lags_behind_the_result() -> None:
    with wavespeed(**QUICK | {"late_seconds": 3600.0}, faults={"list_lags": 1.0}) as fake:
        job = fake.submit()["id"]
        assert fake.result(job)["id"] == job
        assert listed(fake) == []
    with wavespeed(**QUICK, faults={"list_lags": 1.0}) as fake:
        job = fake.submit()["id"]
        wait_for(lambda: listed(fake) == [job])


def test_a_cancel_stops_a_job_unless_it_is_ignored() -> None:
    with wavespeed(**QUICK, faults={"never_ends": 1.0}) as fake:
        running = fake.submit()["id"]
        wait_for(lambda: fake.job(running)["status"] == "processing")
        assert fake.call("DELETE", f"/predictions/{running}").json()["data"]["status"] == "cancelled"
        assert fake.job(running)["owed_usd"] == "0.15"

        fake.set_faults(cancel_ignored=1.0)
        deaf = fake.submit()["id"]
        wait_for(lambda: fake.job(deaf)["status"] == "processing")
        assert fake.call("DELETE", f"/predictions/{deaf}").json()["data"]["status"] == "processing"


def test_deleting_a_finished_one_hides_it_from_callers_and_not_from_the_bill() -> None:
    with wavespeed(**QUICK) as fake:
        first, second = (fake.ended(fake.submit()["id"])["id"] for _ in range(2))
        assert fake.call("DELETE", f"/predictions/{first}").status_code == 200
        assert fake.call("POST", "/predictions/delete", {"ids": [second, "none"]}).json()["data"]["deleted_count"] == 1

        assert fake.call("GET", f"/predictions/{first}").status_code == 404
        assert listed(fake) == []
        assert (fake.bill()["total_usd"], len(fake.jobs())) == ("0.30", 2)


KEY = {"Authorization": "Bearer fake-key"}


def outcome_of(call: Callable[[], httpx.Response]) -> int | type[Exception]:
    try:
        return call().status_code
    except httpx.TransportError as error:
        return httpx.RemoteProtocolError if isinstance(error, httpx.ReadError) else type(error)


def listed(fake: Fake) -> list[str]:
    answer = fake.call("POST", "/predictions", {"page": 1, "page_size": 100})
    return [item["id"] for item in answer.json()["data"]["items"]]
