"""Promises about the door through which webhooks are posted: every trick of the table is refused here too."""

import ssl
from collections.abc import Iterator, Sequence
from ipaddress import ip_address, ip_network

import anyio
import httpx
import pytest

from jobs.rules.addresses import Address, Network
from tests.fakes.receiver import Mood, Receiver
from tests.workers.test_guard import SPELLINGS, Resolver
from workers import guard, guard_async

LOOPBACK = [ip_network("127.0.0.0/8")]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def post(
    url: str,
    *,
    allowed: Sequence[Network] = (),
    resolve: guard.Resolver | None = None,
    http_anywhere: bool = True,
    times: int = 1,
) -> httpx.Response:
    async def go() -> httpx.Response:
        opened = guard_async.client(allowed, timeout_seconds=5, http_anywhere=http_anywhere, resolve=resolve)
        async with opened as client:
            for _ in range(times - 1):
                await client.post(url, content=b"hello")
            return await client.post(url, content=b"hello")

    return anyio.run(go)


def test_an_allowed_network_is_reached_over_one_connection(receiver: Receiver) -> None:
    found = Resolver(["127.0.0.1"])
    answer = post(f"http://hooks.example:{receiver.port}/a", allowed=LOOPBACK, resolve=found, times=3)
    assert answer.content == b"ok"
    assert [one.body for one in receiver.at("/a")] == [b"hello"] * 3
    assert found.asked == ["hooks.example"], "the connection was kept"


@pytest.mark.parametrize("host", SPELLINGS)
def test_every_spelling_of_this_machine_is_refused_before_a_connection_is_made(receiver: Receiver, host: str) -> None:
    with pytest.raises((guard.AddressRefused, guard.UnknownHost, httpx.InvalidURL)):
        post(f"http://{host}:{receiver.port}/a")
    assert receiver.received == []


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "::ffff:127.0.0.1",
        "fd00:ec2::254",
        "64:ff9b::7f00:1",
    ],
)
def test_a_name_that_leads_inside_is_refused_even_among_good_ones(address: str) -> None:
    with pytest.raises(guard.AddressRefused, match="refused"):
        post("https://hooks.example/", resolve=Resolver(["93.184.216.34", address]))


def test_a_name_is_judged_again_at_every_connection(receiver: Receiver) -> None:
    """The second answer leads elsewhere, as in DNS re-binding; the connection was closed in between."""
    receiver.mood = Mood(headers=("Connection: close",))
    found = Resolver(["127.0.0.1"], ["10.0.0.1"])
    with pytest.raises(guard.AddressRefused):
        post(f"http://hooks.example:{receiver.port}/", allowed=LOOPBACK, resolve=found, times=2)
    assert len(receiver.received) == 1


def test_plain_http_reaches_allowed_networks_only() -> None:
    public: list[Address] = [ip_address("93.184.216.34")]
    with pytest.raises(guard.AddressRefused, match="over https"):
        post("http://hooks.example/", allowed=LOOPBACK, resolve=lambda *_: public, http_anywhere=False)


def test_redirects_are_not_followed(receiver: Receiver) -> None:
    receiver.moods["/a"] = Mood(status=307, headers=("Location: /b",))
    assert post(receiver.url("/a"), allowed=LOOPBACK).status_code == 307
    assert receiver.at("/b") == []


def test_an_unknown_name_is_told_apart(receiver: Receiver) -> None:
    with pytest.raises(guard.UnknownHost):
        post("https://nobody.invalid/", resolve=Resolver([]))


def test_a_receiver_without_tls_is_no_https_receiver(receiver: Receiver) -> None:
    with pytest.raises(httpx.ConnectError) as caught:
        post(f"https://127.0.0.1:{receiver.port}/", allowed=LOOPBACK)
    assert any(isinstance(error, ssl.SSLError) for error in causes(caught.value))


def causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
