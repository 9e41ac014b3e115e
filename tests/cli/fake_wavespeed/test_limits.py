"""Promises about the limits of each key: submits a minute are refused beyond them, jobs at once wait."""

from decimal import Decimal

from cli.fake_wavespeed.plan import read_keys
from tests.fakes.wavespeed import QUICK, SOLO, wait_for, wavespeed

FORM = {"image": "https://example.com/a.png", "audio": "https://example.com/a.wav"}


def test_a_submit_beyond_the_minute_is_refused_and_says_when_to_come_back() -> None:
    with wavespeed(**QUICK, keys=read_keys("small=bronze,other=bronze"), minute_seconds=3600.0) as fake:
        for _ in range(5):
            fake.submit(key="small")
        refused = fake.call("POST", f"/{SOLO}", FORM, key="small")

        assert refused.status_code == 429
        assert 0 < int(refused.headers["Retry-After"]) <= 3601
        assert len(fake.jobs()) == 5
        assert [key["refused_by_limit"] for key in fake.bill()["keys"]] == [1, 0]
        fake.submit(key="other")


def test_the_minute_passes() -> None:
    with wavespeed(**QUICK, keys=read_keys("small=bronze"), minute_seconds=0.2) as fake:
        for _ in range(5):
            fake.submit(key="small")

        wait_for(lambda: fake.call("POST", f"/{SOLO}", FORM, key="small").status_code == 200)


def test_polls_are_not_counted() -> None:
    with wavespeed(**QUICK, keys=read_keys("small=bronze"), minute_seconds=3600.0) as fake:
        job = fake.submit(key="small")
        polls = {fake.call("GET", f"/predictions/{job['id']}", key="small").status_code for _ in range(20)}

        assert polls == {200}


def test_jobs_beyond_those_at_once_wait_their_turn() -> None:
    with wavespeed(**QUICK | {"speed": 0.001}, keys=read_keys("small=bronze")) as fake:
        ids = [fake.submit(key="small")["id"] for _ in range(4)]
        wait_for(lambda: [job["status"] for job in fake.jobs()] == ["processing"] * 3 + ["created"])
        fake.finish(ids[1])
        wait_for(lambda: fake.job(ids[3])["status"] == "processing")

        assert fake.bill()["keys"][0]["peak_in_flight"] == 4


def test_without_credit_nothing_is_taken() -> None:
    with wavespeed(**QUICK, credit_usd=Decimal("0.20")) as fake:
        fake.ended(fake.submit()["id"])
        refused = fake.call("POST", f"/{SOLO}", FORM)

        assert (refused.status_code, refused.json()["error_code"]) == (402, "insufficient_credit")
        assert len(fake.jobs()) == 1
