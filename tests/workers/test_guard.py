"""Promises about the one door through which workers call addresses that callers named."""

import socket
from collections.abc import Iterator, Sequence
from ipaddress import ip_address, ip_network

import httpx
import pytest

from jobs.rules.addresses import Address, Network
from tests.fakes.media_server import MediaServer
from workers import guard

LOOPBACK = [ip_network("127.0.0.1/32")]
SPELLINGS = [
    "127.0.0.1",
    "localhost",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "127.1",
    "0.0.0.0",  # noqa: S104 - nothing is bound here
    "[::1]",
    "[::]",
]


@pytest.fixture
def server() -> Iterator[MediaServer]:
    with MediaServer() as running:
        running.serve("/a", b"hello")
        yield running


class Resolver:
    """Answers with one list of addresses after the other, and counts how often it was asked."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> list[Address]:  # noqa: ARG002 - the guard's signature
        self.asked.append(host)
        answer = self._answers[min(len(self.asked), len(self._answers)) - 1]
        return [ip_address(address) for address in answer]


def get(url: str, *, allowed: Sequence[Network] = (), resolve: guard.Resolver | None = None) -> httpx.Response:
    with guard.client(allowed, timeout_seconds=60, resolve=resolve) as client:
        return client.get(url)


def test_an_allowed_network_is_reached(server: MediaServer) -> None:
    assert get(server.url("/a"), allowed=LOOPBACK).content == b"hello"


@pytest.mark.parametrize("host", SPELLINGS)
def test_every_spelling_of_this_machine_is_refused_before_a_connection_is_made(server: MediaServer, host: str) -> None:
    with pytest.raises((guard.AddressRefused, guard.UnknownHost, httpx.InvalidURL)):
        get(f"http://{host}:{server.port}/a")
    assert server.seen == []


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "fd00:ec2::254", "64:ff9b::7f00:1"]
)
def test_a_name_that_leads_inside_is_refused(address: str) -> None:
    with pytest.raises(guard.AddressRefused, match=r"evil\.test"):
        get("http://evil.test/a", resolve=Resolver([address]))


def test_one_forbidden_address_among_good_ones_condemns_the_name() -> None:
    with pytest.raises(guard.AddressRefused):
        get("http://evil.test/a", resolve=Resolver(["8.8.8.8", "10.0.0.1"]))


def test_a_refusal_does_not_tell_the_address_behind_the_name() -> None:
    with pytest.raises(guard.AddressRefused) as caught:
        get("http://database.internal/a", resolve=Resolver(["10.0.0.17"]))
    assert "10.0.0.17" not in str(caught.value)


def test_a_name_is_resolved_once_per_connection_and_pinned(server: MediaServer) -> None:
    rebinding = Resolver(["127.0.0.1"], ["10.0.0.1"])
    answer = get(f"http://rebinding.test:{server.port}/a", allowed=LOOPBACK, resolve=rebinding)
    assert answer.content == b"hello"
    assert rebinding.asked == ["rebinding.test"]
    assert f"Host: rebinding.test:{server.port}" in server.seen[0]


def test_a_name_that_turns_inward_is_refused_at_its_next_connection(server: MediaServer) -> None:
    server.serve("/b", b"bye", more="Connection: close\r\n")
    rebinding = Resolver(["127.0.0.1"], ["169.254.169.254"])
    url = f"http://rebinding.test:{server.port}/b"
    with guard.client(LOOPBACK, timeout_seconds=60, resolve=rebinding) as client:
        assert client.get(url).content == b"bye"
        with pytest.raises(guard.AddressRefused):
            client.get(url)


def test_the_next_address_is_tried_when_the_first_does_not_answer(server: MediaServer) -> None:
    allowed = [ip_network("127.0.0.0/8")]
    two = Resolver(["127.0.0.2", "127.0.0.1"])
    assert get(f"http://two.test:{server.port}/a", allowed=allowed, resolve=two).content == b"hello"


def test_tls_asks_for_the_host_name_not_for_the_address(server: MediaServer) -> None:
    with pytest.raises(httpx.TransportError):
        get(f"https://named.test:{server.port}/", allowed=LOOPBACK, resolve=Resolver(["127.0.0.1"]))
    assert "named.test" in server.seen[0]
    assert "127.0.0.1" not in server.seen[0]


def test_redirects_are_left_to_the_caller(server: MediaServer) -> None:
    server.redirect("/away", "http://169.254.169.254/")
    answer = get(server.url("/away"), allowed=LOOPBACK)
    assert answer.status_code == 302
    assert len(server.seen) == 1


def test_the_environments_proxy_is_not_used(server: MediaServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.url("/"))
    monkeypatch.setenv("ALL_PROXY", server.url("/"))
    with pytest.raises(guard.AddressRefused):
        get("http://evil.test/a", resolve=Resolver(["10.0.0.1"]))
    assert server.seen == []


def test_unix_sockets_are_refused() -> None:
    with pytest.raises(guard.AddressRefused):
        guard._GuardedBackend([], Resolver(["8.8.8.8"]), None).connect_unix_socket("/run/docker.sock")


@pytest.mark.parametrize(
    ("errno", "error"), [(socket.EAI_NONAME, guard.UnknownHost), (socket.EAI_AGAIN, httpx.ConnectError)]
)
def test_an_unknown_name_is_told_from_a_resolver_that_is_away(errno: int, error: type[Exception]) -> None:
    def resolve(host: str, port: int) -> list[Address]:
        raise socket.gaierror(errno, f"{host}:{port}")

    with pytest.raises(error):
        get("http://nowhere.test/", resolve=resolve)


def test_a_host_name_no_resolver_can_take_is_unknown() -> None:
    with pytest.raises((guard.UnknownHost, httpx.InvalidURL)):
        get(f"http://{'a' * 70}.test/")


def test_a_silent_server_is_given_up(server: MediaServer) -> None:
    url = server.silent("/silent")
    with guard.client(LOOPBACK, timeout_seconds=0.2) as client, pytest.raises(httpx.ReadTimeout):
        client.get(url)


@pytest.mark.parametrize("head_too", [True, False])
def test_a_drip_ends_at_the_deadline_though_the_line_is_never_idle(server: MediaServer, *, head_too: bool) -> None:
    url = server.drip("/drip", pause_seconds=0.05, head_too=head_too)
    with (
        guard.client(LOOPBACK, timeout_seconds=60, deadline_seconds=0.5) as client,
        pytest.raises(guard.ExchangeTooLong),
    ):
        client.get(url)
