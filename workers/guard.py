"""The one door through which workers call addresses that callers named: every connection is checked as it is made.

A host name is resolved once per connection, every address it has is checked, and the connection goes to a checked
address, so a name that answers differently a second time gains nothing. TLS still speaks to the host name. Proxies,
unix sockets and the environment are not consulted, and redirects are left to whoever calls.
"""

import socket
import ssl
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any

import httpcore
import httpx

from jobs.rules.addresses import Address, Network, why_not_connect

Resolver = Callable[[str, int], Sequence[Address]]
"""Finds the addresses of a host for a port. Raises socket.gaierror."""

_PERMANENT_FAILURES = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}


class AddressRefused(httpx.TransportError):
    """The host leads where callers may not send us; the text is a sentence without the address itself."""


class UnknownHost(httpx.TransportError):
    """The host name has no address."""


class ExchangeTooLong(httpx.TimeoutException):
    """The whole exchange took longer than it may, however busily the other side was sending."""


def client(
    allowed_networks: Collection[Network],
    *,
    timeout_seconds: float,
    deadline_seconds: float | None = None,
    resolve: Resolver | None = None,
) -> httpx.Client:
    """Open a client that refuses forbidden addresses with AddressRefused, and does not follow redirects.

    `timeout_seconds` bounds each connect, read and write; `deadline_seconds`, counted from this call, bounds all that
    the client ever does, headers dripped one letter at a time included. `resolve` stands in for the system's resolver.
    """
    ends_at = None if deadline_seconds is None else time.monotonic() + deadline_seconds
    backend = _GuardedBackend(allowed_networks, resolve or resolve_by_system, ends_at)
    return httpx.Client(transport=GuardedTransport(backend), timeout=timeout_seconds, trust_env=False)


def resolve_by_system(host: str, port: int) -> list[Address]:
    """Ask the system's resolver. It has no time limit of its own to set: its configuration bounds it."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(str(address[0])) for *_, address in found))


def resolved(resolve: Resolver, host: str, port: int) -> Sequence[Address]:
    """What `resolve` finds. Raises UnknownHost, or ConnectError where asking again may help."""
    try:
        return resolve(host, port)
    except UnicodeError:
        raise UnknownHost(f"the host {host} is not a host name") from None
    except socket.gaierror as error:
        if error.errno in _PERMANENT_FAILURES:
            raise UnknownHost(f"the host {host} is not known") from None
        raise httpcore.ConnectError(f"the host {host} could not be looked up") from error


def checked(host: str, addresses: Sequence[Address], allowed: Collection[Network]) -> Sequence[Address]:
    """Pass `addresses` on when all may be connected to. One forbidden address condemns the name: it is a trick.

    Raises AddressRefused or UnknownHost.
    """
    if not addresses:
        raise UnknownHost(f"the host {host} has no address")
    for address in addresses:
        if reason := why_not_connect(address, allowed):
            raise AddressRefused(f"the host {host} is refused: {reason}")
    return addresses


class GuardedTransport(httpx.BaseTransport):
    """httpx on top of an httpcore pool whose connections the given backend makes."""

    def __init__(self, backend: httpcore.NetworkBackend) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(trust_env=False), network_backend=backend, http1=True, http2=False
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with in_httpx_terms():
            answer = self._pool.handle_request(core_request(request))
        return httpx.Response(
            status_code=answer.status, headers=answer.headers, stream=_Body(answer), extensions=answer.extensions
        )

    def close(self) -> None:
        self._pool.close()


def core_request(request: httpx.Request) -> httpcore.Request:
    """Say the same request in httpcore's words. An override of the TLS name is not passed on."""
    url = httpcore.URL(
        scheme=request.url.raw_scheme, host=request.url.raw_host, port=request.url.port, target=request.url.raw_path
    )
    extensions = {"timeout": request.extensions.get("timeout", {})}
    return httpcore.Request(
        request.method, url, headers=request.headers.raw, content=request.stream, extensions=extensions
    )


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        with in_httpx_terms():
            yield from self._answer.iter_stream()

    def close(self) -> None:
        with in_httpx_terms():
            self._answer.close()


@contextmanager
def in_httpx_terms() -> Iterator[None]:
    """Raise httpcore's errors as their namesakes in httpx, so that callers need to know one library."""
    try:
        yield
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
        namesake: type[httpx.TransportError] = getattr(httpx, type(error).__name__)
        raise namesake(str(error)) from error


class _GuardedBackend(httpcore.NetworkBackend):
    """Connects to checked addresses only."""

    def __init__(self, allowed: Collection[Network], resolve: Resolver, ends_at: float | None) -> None:
        self._allowed = allowed
        self._resolve = resolve
        self._ends_at = ends_at
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        failure: httpcore.NetworkError | httpcore.TimeoutException | None = None
        for address in checked(host, resolved(self._resolve, host, port), self._allowed):
            try:
                limit = _seconds_left(self._ends_at, timeout)
                stream = self._backend.connect_tcp(str(address), port, limit, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _TimedStream(stream, self._ends_at)
        raise failure or httpcore.ConnectError(f"the host {host} has no address")

    def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ARG002 - the signature is httpcore's
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002 - as above
    ) -> httpcore.NetworkStream:
        raise AddressRefused(f"the unix socket {path} is refused: only http and https are called")


class _TimedStream(httpcore.NetworkStream):
    """A connection whose reads and writes end when the whole exchange must, not only when the line is idle."""

    def __init__(self, stream: httpcore.NetworkStream, ends_at: float | None) -> None:
        self._stream = stream
        self._ends_at = ends_at

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with self._on_time():
            return self._stream.read(max_bytes, _seconds_left(self._ends_at, timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        with self._on_time():
            self._stream.write(buffer, _seconds_left(self._ends_at, timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        with self._on_time():
            stream = self._stream.start_tls(ssl_context, server_hostname, _seconds_left(self._ends_at, timeout))
        return _TimedStream(stream, self._ends_at)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - the signature is httpcore's
        return self._stream.get_extra_info(info)

    @contextmanager
    def _on_time(self) -> Iterator[None]:
        """Tell a wait that was cut by the deadline from one that was merely idle for too long."""
        try:
            yield
        except httpcore.TimeoutException as error:
            _seconds_left(self._ends_at, None)
            raise error from None


def _seconds_left(ends_at: float | None, timeout: float | None) -> float | None:
    """Give the shorter of `timeout` and what is left until `ends_at`. Raises ExchangeTooLong when nothing is."""
    if ends_at is None:
        return timeout
    left = ends_at - time.monotonic()
    if left <= 0:
        raise ExchangeTooLong("the exchange took too long")
    return left if timeout is None else min(timeout, left)
