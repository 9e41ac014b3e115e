"""Promises about our client of the upstream: what it reads, what it asks again, and what it gives away."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from jobs.rules.tiers import read_keys
from tests.fakes.media_server import MediaServer
from tests.fakes.receiver import Receiver
from tests.fakes.wavespeed import MULTI, SOLO, Fake, wait_for, wavespeed
from tests.workers.engines.cloud.asking import (
    CHOICES,
    FORM,
    KEY,
    LONG_AGO,
    OTHER,
    ask,
    balance,
    failure,
    listed,
    submit,
)
from workers.engines.cloud.calls import Patience
from workers.engines.cloud.client import Client
from workers.engines.cloud.errors import Away, Busy, KeyRefused, Unreadable, UpstreamError
from workers.engines.cloud.replies import Prediction
from workers.engines.cloud.uploading import Parcel


@pytest.fixture(scope="module")
def fake() -> Iterator[Fake]:
    with wavespeed(**CHOICES) as running:
        yield running


def test_a_job_is_submitted_and_read_to_its_end(fake: Fake) -> None:
    submitted = ask(fake.url, submit)
    assert (len(submitted.id), submitted.model, submitted.is_final) == (32, SOLO, False)
    fake.ended(submitted.id)
    done = ask(fake.url, lambda client: client.prediction(KEY, submitted.id))

    assert (done.status, len(done.outputs), done.flagged, done.error) == ("completed", 1, (False,), "")
    assert done.inference_ms == 5
    assert done.created_at is not None
    assert done.created_at.tzinfo is not None


def test_the_webhook_goes_with_the_submit_whole(fake: Fake) -> None:
    with Receiver() as receiver:
        ask(fake.url, lambda client: client.submit(KEY, SOLO, FORM, receiver.url("/callback?try=1&x=2")))
        wait_for(lambda: receiver.received)

        assert receiver.received[0].path == "/callback?try=1&x=2"


def test_the_list_is_read_to_its_last_page_with_the_inputs() -> None:
    async def work(client: Client) -> tuple[list[Prediction], list[Prediction], list[Prediction]]:
        for number in range(230):
            await client.submit(KEY, SOLO, FORM | {"image": f"https://example.com/{number}.png?signature=1"})
        await client.submit(
            OTHER, MULTI, {"image": "https://b/", "left_audio": "https://b/", "right_audio": "https://b/"}
        )
        return (
            await listed(client.predictions(KEY, since=LONG_AGO, with_inputs=True)),
            await listed(client.predictions(OTHER, since=LONG_AGO, model=MULTI)),
            await listed(client.predictions(OTHER, since=datetime.now(UTC) + timedelta(hours=1))),
        )

    with wavespeed(**CHOICES) as fake:
        mine, others, none = ask(fake.url, work)

    assert len({one.id for one in mine}) == len(mine) == 230
    assert [one.was_given("https://example.com/229.png?signature=1") for one in mine[:3]] == [True, False, False]
    assert [(one.model, one.inputs) for one in others] == [(MULTI, None)]
    assert none == []


def test_money_is_read_exactly(fake: Fake) -> None:
    with wavespeed(**CHOICES, faults={"ends_badly": 1.0}) as failing:
        job = failing.ended(failing.submit()["id"])["id"]
        until = datetime.now(UTC) + timedelta(hours=1)
        billings = ask(failing.url, lambda client: listed(client.billings(KEY, since=LONG_AGO, until=until)))
        left = ask(failing.url, balance)

    assert [(one.billing_type, one.prediction_id, one.price_usd) for one in billings] == [
        ("refund", job, Decimal("0.15")),
        ("deduct", job, Decimal("0.15")),
    ]
    assert left == Decimal(1000)
    quote = ask(fake.url, lambda client: client.price_usd(KEY, SOLO, {"resolution": "720p"}))
    assert quote == Decimal("0.30")


def test_models_and_secret_are_read(fake: Fake) -> None:
    models = ask(fake.url, lambda client: client.models(KEY))
    secrets = {
        ask(fake.url, lambda client: client.webhook_secret(KEY)),
        ask(fake.url, lambda client: client.webhook_secret(OTHER)),
    }

    assert {SOLO, MULTI} < models
    assert len(models) == 8
    assert {secret[:6] for secret in secrets} == {"whsec_"}
    assert len(secrets) == 2


def test_a_file_is_uploaded_to_a_url_of_its_own_each_time(fake: Fake, tmp_path: Path) -> None:
    file = tmp_path / "voice.wav"
    file.write_bytes(b"RIFF" * 200_000)
    parcel = Parcel(file, file.stat().st_size, "audio/wav")
    urls = [ask(fake.url, lambda client: client.upload(KEY, parcel)) for _ in range(2)]

    assert len(set(urls)) == 2
    assert [fake.http.get(url).content == file.read_bytes() for url in urls] == [True, True]


def test_a_cancel_is_asked_once() -> None:
    with wavespeed(**CHOICES, faults={"never_ends": 1.0, "read_fails": 0.0}) as fake:
        job = fake.submit()["id"]
        ask(fake.url, lambda client: client.cancel(KEY, job))
        assert fake.job(job)["status"] == "cancelled"

        fake.set_faults(read_fails=1.0)
        assert isinstance(failure(fake.url, lambda client: client.cancel(KEY, job)), Away)
        assert fake.calls()["read"] == {"read_fails": 1}


@pytest.mark.parametrize(
    ("fault", "kind"), [("read_fails", Away), ("read_dropped", Away), ("read_garbled", Unreadable), ("read_busy", Busy)]
)
def test_what_changes_nothing_is_asked_again_and_then_given_up(fault: str, kind: type[UpstreamError]) -> None:
    with wavespeed(**CHOICES, faults={fault: 1.0}) as fake:
        # Told to wait a second, it waits a second or leaves it to others.
        patience = Patience(tries=3, first_pause_seconds=0.001, longest_pause_seconds=2.0)
        error = failure(fake.url, balance, patience)

        assert isinstance(error, kind)
        assert not error.permanent
        assert fake.calls()["read"] == {fault: 3}


def test_a_pause_that_is_too_long_is_left_to_others() -> None:
    with wavespeed(**CHOICES, faults={"read_busy": 1.0}) as fake:
        patience = Patience(tries=3, first_pause_seconds=0.001, longest_pause_seconds=0.5)
        error = failure(fake.url, balance, patience)

        assert isinstance(error, Busy)
        assert error.pause_seconds == 1.0
        assert fake.calls()["read"] == {"read_busy": 1}


def test_half_of_all_calls_may_fail_and_the_rest_gets_through() -> None:
    with wavespeed(**CHOICES, seed=5, faults={"read_fails": 0.3, "read_dropped": 0.3}) as fake:
        patience = Patience(tries=12, first_pause_seconds=0.001)
        balances = {ask(fake.url, balance, patience=patience) for _ in range(10)}

        assert balances == {Decimal(1000)}
        assert fake.calls()["read"].keys() == {"read_fails", "read_dropped"}


def test_a_key_that_is_no_longer_set_is_told_at_once(fake: Fake) -> None:
    error = failure(fake.url, lambda client: client.balance_usd("0123456789ab"))

    assert isinstance(error, KeyRefused)
    assert "0123456789ab is no longer among those that are set" in str(error)


def test_no_key_and_no_signed_link_stands_in_an_error() -> None:
    secret = "wsk-very-secret-indeed"
    keys = read_keys(f"{secret}:gold")
    told = f'{{"message":"{secret} may not read https://b.example/a.wav?X-Amz-Signature=abc\\nnow"}}'.encode()
    with MediaServer() as server:
        server.serve("/api/v3/balance", told, status="403 Forbidden", kind="application/json")
        error = failure(server.url(""), lambda client: client.balance_usd(keys[0].name), keys=keys)
        unreached = failure("http://127.0.0.1:1", lambda client: client.balance_usd(keys[0].name), keys=keys)

    assert isinstance(error, KeyRefused)
    assert "[key] may not read https://b.example/a.wav now" in str(error)
    assert secret not in f"{error!r} {unreached!r} {error.__dict__} {unreached.__dict__}"
