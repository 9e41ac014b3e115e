"""Promises about submits: sent once, and what is said of them is never wrong, whatever happens on the way."""

import asyncio
from collections import Counter
from decimal import Decimal

import pytest

from cli.fake_wavespeed.faults import SWITCHES
from tests.fakes.media_server import MediaServer
from tests.fakes.wavespeed import SOLO, wavespeed
from tests.workers.engines.cloud.asking import CHOICES, FORM, KEY, KEYS, LONG_AGO, ask, balance, failure, listed, submit
from workers.engines.cloud.calls import Call, Patience, Question
from workers.engines.cloud.client import Client
from workers.engines.cloud.errors import Abandoned, Away, Busy, KeyRefused, NotReached, OutcomeUnknown, Refused
from workers.engines.cloud.line import ANSWER_MAX_BYTES, Line, Request
from workers.engines.cloud.replies import Prediction, Reader


@pytest.mark.parametrize("fault", ["submit_fails_late", "reply_dropped", "reply_garbled"])
def test_a_submit_whose_reply_is_lost_is_not_sent_again(fault: str) -> None:
    with wavespeed(**CHOICES, faults={fault: 1.0}) as fake:
        error = failure(fake.url, submit)

        assert isinstance(error, OutcomeUnknown)
        assert error.permanent
        assert error.key == KEY
        assert len(fake.jobs()) == 1


@pytest.mark.parametrize("fault", ["submit_fails", "submit_dropped"])
def test_a_submit_that_might_have_been_taken_is_not_sent_again_either(fault: str) -> None:
    with wavespeed(**CHOICES, faults={fault: 1.0}) as fake:
        assert isinstance(failure(fake.url, submit), OutcomeUnknown)
        assert fake.calls()["submit"] == {fault: 1}


def test_a_submit_that_is_never_answered_ends_in_time() -> None:
    hurried = Question(Call("a submit", 0.3, changes_nothing=False, creates=True), "POST", Reader(Prediction))

    async def work(url: str) -> None:
        line = Line(url, KEYS)
        try:
            await line.ask(hurried, KEY, Request(f"/api/v3/{SOLO}", FORM))
        finally:
            await line.close()

    with wavespeed(**CHOICES, faults={"reply_hangs": 1.0}) as fake:
        with pytest.raises(OutcomeUnknown, match=r"nothing came for 0\.3 seconds"):
            asyncio.run(work(fake.url))

        assert len(fake.jobs()) == 1


def test_a_submit_that_was_refused_was_not_taken() -> None:
    with wavespeed(**CHOICES, credit_usd=Decimal(0)) as fake:
        no_credit = failure(fake.url, submit)
        missing = failure(fake.url, lambda client: client.submit(KEY, SOLO, {"image": FORM["image"]}))
        unknown = failure(fake.url, lambda client: client.submit(KEY, "nobody/nothing", FORM))
        fake.set_faults(submit_busy=1.0)
        busy = failure(fake.url, submit)

        assert fake.jobs() == []
    assert isinstance(no_credit, KeyRefused)
    assert (no_credit.status, no_credit.key, no_credit.pause_seconds, no_credit.permanent) == (402, KEY, 300.0, False)
    assert isinstance(missing, Refused)
    assert (missing.status, missing.permanent, missing.error_class) == (400, True, "provider_refused")
    assert "audio is required" in str(missing)
    assert isinstance(unknown, Refused)
    assert unknown.status == 404
    assert isinstance(busy, Busy)
    assert (busy.pause_seconds, busy.permanent, busy.error_class) == (1.0, False, "provider_busy")


def test_a_submit_that_reached_nobody_may_be_sent_again() -> None:
    with wavespeed(**CHOICES) as fake:
        url = fake.url
    error = failure(url, submit)  # nobody is there any more

    assert isinstance(error, NotReached)
    assert (error.permanent, error.error_class) == (False, "provider_away")


def test_a_submit_whose_time_has_passed_when_its_bytes_would_leave_is_not_sent() -> None:
    with wavespeed(**CHOICES) as fake:
        late = failure(fake.url, lambda client: client.submit(KEY, SOLO, FORM, may_leave=lambda: False))

        assert isinstance(late, Abandoned)
        assert fake.jobs() == []


def test_an_answer_without_an_end_is_not_read_to_it() -> None:
    with MediaServer() as server:
        server.serve("/api/v3/balance", bytes(ANSWER_MAX_BYTES + 1))
        server.serve(f"/api/v3/{SOLO}", bytes(ANSWER_MAX_BYTES + 1), status="502 Bad Gateway")

        assert "longer than 32 MB" in str(failure(server.url(""), balance, Patience(tries=1)))
        assert isinstance(failure(server.url(""), submit), OutcomeUnknown)


def test_an_error_inside_a_success_is_an_error() -> None:
    with MediaServer() as server:
        server.serve(f"/api/v3/{SOLO}", b'{"code":400,"message":"audio is required","data":null}')
        refused = failure(server.url(""), submit)
        server.serve(f"/api/v3/{SOLO}", b'{"code":500,"message":"oops","data":null}')
        unknown = failure(server.url(""), submit)

    assert isinstance(refused, Refused)
    assert isinstance(unknown, OutcomeUnknown)


@pytest.mark.parametrize("body", [b"<html>404 page not found</html>", b'{"message":"Not Found"}', b'{"code":"404"}'])
def test_a_no_that_is_not_the_upstreams_own_says_nothing_of_a_job(body: bytes) -> None:
    with MediaServer() as server:
        server.serve(f"/api/v3/{SOLO}", body, status="404 Not Found")
        server.serve("/api/v3/predictions/a/result", body, status="404 Not Found")

        assert isinstance(failure(server.url(""), submit), OutcomeUnknown)
        assert isinstance(failure(server.url(""), lambda client: client.prediction(KEY, "a"), Patience(tries=1)), Away)


@pytest.mark.parametrize("status", ["201 Created", "302 Found", "304 Not Modified", "408 Request Timeout"])
def test_a_submit_that_is_answered_oddly_may_have_been_taken(status: str) -> None:
    with MediaServer() as server:
        server.serve(f"/api/v3/{SOLO}", b'{"code":200,"data":{"id":"a","status":"created"}}', status=status)

        assert isinstance(failure(server.url(""), submit), OutcomeUnknown)


def test_hundreds_of_submits_at_once_each_get_their_own_answer() -> None:
    async def work(client: Client) -> list[Prediction]:
        urls = [f"https://example.com/{number}.png" for number in range(400)]
        return await asyncio.gather(*(client.submit(KEY, SOLO, FORM | {"image": url}) for url in urls))

    with wavespeed(**CHOICES) as fake:
        answers = ask(fake.url, work)
        given = {job["id"]: job["input"]["image"] for job in fake.jobs()}

    assert [given[one.id] for one in answers] == [f"https://example.com/{number}.png" for number in range(400)]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_a_submit_says_is_never_wrong(seed: int) -> None:
    """Whatever happens to calls: taken is taken once, refused is not taken, and what is unknown can be looked up."""

    async def tell(client: Client, url: str) -> tuple[str, str]:
        try:
            await client.submit(KEY, SOLO, FORM | {"image": url})
        except OutcomeUnknown:
            return url, "unknown"
        except (Busy, NotReached, Refused):
            return url, "not taken"
        return url, "taken"

    async def work(client: Client) -> tuple[dict[str, str], list[Prediction]]:
        urls = [f"https://example.com/{number}.png?signature={number}" for number in range(120)]
        said = dict(await asyncio.gather(*(tell(client, url) for url in urls)))
        return said, await listed(client.predictions(KEY, since=LONG_AGO, with_inputs=True))

    rates = dict.fromkeys(SWITCHES, 0.15) | {"reply_hangs": 0.0, "list_lags": 0.0}
    with wavespeed(**CHOICES, seed=seed, faults=rates) as fake:
        said, found = ask(fake.url, work, patience=Patience(tries=30, first_pause_seconds=0.001))
        taken = Counter(job["input"]["image"] for job in fake.jobs())

    allowed = {"taken": {1}, "not taken": {0}, "unknown": {0, 1}}
    assert {url: taken[url] for url, word in said.items() if taken[url] not in allowed[word]} == {}
    assert {url for url in said if any(one.was_given(url) for one in found)} == taken.keys()
    assert set(said.values()) == allowed.keys()
