"""Promises about one post: whatever the URL and whoever answers, it ends, and says how."""

import socket
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from ipaddress import ip_network

import anyio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from jobs.rules.addresses import ANYWHERE, Network, why_not_url
from jobs.webhooks import Letter, Outcome
from tests.fakes.receiver import Receiver
from tests.workers.test_guard import Resolver
from workers import guard_async, posting

HOSTS = some.text("aZ0-._~%\u00e9\u4e2d\u0130 []:", min_size=1, max_size=20)
PATHS = some.text(max_size=20)


def letter(url: str) -> Letter:
    lane = uuid.uuid4()
    return Letter(
        lane, 1, lane, None, "job.completed", 0, "a", url, 1, is_failing=False, secrets=("whsec_",), body=b"{}"
    )


def post(url: str, *addresses: str, allowed: Sequence[Network] = ()) -> Outcome:
    async def go() -> Outcome:
        async with guard_async.client(allowed, timeout_seconds=1, resolve=Resolver(addresses)) as client:
            return await posting.post(client, letter(url), 1)

    return anyio.run(go)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(scheme=some.sampled_from(["http", "https", "HTTPS"]), host=HOSTS, path=PATHS)
def test_no_url_that_was_accepted_upsets_us(scheme: str, host: str, path: str) -> None:
    url = f"{scheme}://{host}/{path}"
    if why_not_url(url, ANYWHERE):
        return
    outcome = post(url)
    assert outcome.tried.status is None
    assert outcome.tried.error


def test_a_refused_name_is_tried_again_and_a_refused_address_is_not() -> None:
    name, address = post("https://h.example/", "10.0.0.1").tried, post("https://10.0.0.1/", "10.0.0.1").tried
    assert "a private network" in name.error
    assert name.error.replace("h.example", "10.0.0.1") == address.error
    assert (name.is_permanent, address.is_permanent) == (False, True)


def test_an_address_that_swallows_packets_leaves_time_for_the_next() -> None:
    with Receiver() as receiver, silent("127.0.0.2", receiver.port):
        url, loopback = f"http://h.example:{receiver.port}/", [ip_network("127.0.0.0/8")]
        assert post(url, "127.0.0.2", "127.0.0.1", allowed=loopback).tried.status == 200


@contextmanager
def silent(host: str, port: int) -> Iterator[None]:
    """An address where nobody answers: it has as many strangers waiting as it takes."""
    with ExitStack() as held:
        listener = held.enter_context(socket.socket())
        listener.bind((host, port))
        listener.listen(0)
        for _ in range(4):
            stranger = held.enter_context(socket.socket())
            stranger.settimeout(0.0)
            stranger.connect_ex((host, port))
        yield
