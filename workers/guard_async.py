"""The same guard for many posts at once: addresses are checked as each connection is made, redirects are not followed.

Over plain http only networks that were allowed by name are reached, unless it is allowed everywhere.
"""

import ssl
from collections.abc import AsyncIterator, Collection, Iterable
from functools import partial

import anyio
import anyio.to_thread
import httpcore
import httpx

from jobs.rules.addresses import Address, Network
from workers.guard import AddressRefused, Resolver, checked, core_request, in_httpx_terms, resolve_by_system, resolved

CONNECTIONS_MAX = 2000
KEPT_MAX = 200
KEPT_SECONDS = 30.0
_LOOKUPS_AT_ONCE = 100


def client(
    allowed_networks: Collection[Network],
    *,
    timeout_seconds: float,
    http_anywhere: bool = False,
    resolve: Resolver | None = None,
    trusted: ssl.SSLContext | None = None,
) -> httpx.AsyncClient:
    """Open a client that refuses forbidden addresses with AddressRefused.

    `timeout_seconds` bounds each connect, read and write; bounding the whole is left to the caller. `resolve` stands
    in for the system's resolver, `trusted` for its certificates.
    """
    find = resolve or resolve_by_system
    context = trusted or httpx.create_ssl_context(trust_env=False)
    anywhere = AsyncGuardedTransport(_GuardedBackend(allowed_networks, find), context)
    # The name of a receiver without TLS says nothing of who answers: only a network of our own vouches for it.
    at_home = anywhere if http_anywhere else AsyncGuardedTransport(_AtHome(allowed_networks, find), context)
    return httpx.AsyncClient(
        transport=anywhere,
        mounts={"http://": at_home},
        timeout=timeout_seconds,
        trust_env=False,
        follow_redirects=False,
    )


class AsyncGuardedTransport(httpx.AsyncBaseTransport):
    """httpx on top of an httpcore pool whose connections the given backend makes."""

    def __init__(self, backend: httpcore.AsyncNetworkBackend, context: ssl.SSLContext) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            network_backend=backend,
            max_connections=CONNECTIONS_MAX,
            max_keepalive_connections=KEPT_MAX,
            keepalive_expiry=KEPT_SECONDS,
            http1=True,
            http2=False,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        with in_httpx_terms():
            answer = await self._pool.handle_async_request(core_request(request))
        return httpx.Response(
            status_code=answer.status, headers=answer.headers, stream=_Body(answer), extensions=answer.extensions
        )

    async def aclose(self) -> None:
        await self._pool.aclose()


class _Body(httpx.AsyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with in_httpx_terms():
            async for piece in self._answer.aiter_stream():
                yield piece

    async def aclose(self) -> None:
        with in_httpx_terms():
            await self._answer.aclose()


class _GuardedBackend(httpcore.AsyncNetworkBackend):
    """Connects to checked addresses only."""

    def __init__(self, allowed: Collection[Network], resolve: Resolver) -> None:
        self._allowed = allowed
        self._resolve = resolve
        self._backend = httpcore.AnyIOBackend()
        # Names that take their time to look up must not keep the threads that others need.
        self._lookups = anyio.CapacityLimiter(_LOOKUPS_AT_ONCE)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        failure: httpcore.NetworkError | httpcore.TimeoutException | None = None
        look_up = partial(resolved, self._resolve, host, port)
        found = await anyio.to_thread.run_sync(look_up, abandon_on_cancel=True, limiter=self._lookups)
        addresses = self._judge(host, checked(host, found, self._allowed))
        # One that swallows packets, such as IPv6 without a way out, must leave time for the others.
        share = timeout and timeout / len(addresses)
        for address in addresses:
            try:
                return await self._backend.connect_tcp(str(address), port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectError(f"the host {host} has no address")

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - the signature is httpcore's
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002 - as above
    ) -> httpcore.AsyncNetworkStream:
        raise AddressRefused(f"the unix socket {path} is refused: only http and https are called")

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)

    def _judge(self, host: str, addresses: Iterable[Address]) -> list[Address]:  # noqa: ARG002 - the stricter one names it
        return list(addresses)


class _AtHome(_GuardedBackend):
    """Connects to networks that were allowed by name, and to no others."""

    def _judge(self, host: str, addresses: Iterable[Address]) -> list[Address]:
        found = list(addresses)
        if any(not any(address in network for network in self._allowed) for address in found):
            raise AddressRefused(f"the host {host} is refused: webhooks go over https, or to allowed networks")
        return found
