"""One try of one call to the upstream: sent, timed, its answer read or its failure told; knows which key is meant."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

import httpx

from jobs import clock
from jobs.rules.tiers import UpstreamKey
from workers.engines.cloud import refusals
from workers.engines.cloud.calls import CONNECT_SECONDS, Call, Question
from workers.engines.cloud.errors import Abandoned, KeyRefused, NotReached, Refused, Unreadable, UpstreamError
from workers.engines.cloud.replies import Content, Envelope, read_code, read_message

CONNECTIONS: Final = 192
_KEEP_ALIVE_SECONDS: Final = 30.0
ANSWER_MAX_BYTES: Final = 32 * 2**20
"""A page of the list with every input is a fiftieth of that; what says more is not the upstream, or is out of order."""
_BYTES_LEAVE: Final = frozenset({"http11.send_request_headers.started", "http2.send_request_headers.started"})
_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


@dataclass(frozen=True)
class Request:
    """What is asked beside its question: the path, the body, the query.

    `may_leave` is asked in the very moment before the first byte is sent, when there is a connection for it.
    """

    path: str
    form: Mapping[str, Any] | None = None
    query: Mapping[str, str] | None = None
    may_leave: Callable[[], bool] = lambda: True


@dataclass(frozen=True)
class Answer:
    """What came back, whole."""

    status: int
    headers: httpx.Headers
    body: bytes


class Line:
    """The connections to the upstream, shared by all its keys."""

    def __init__(self, base_url: str, keys: Iterable[UpstreamKey]) -> None:
        # A client for each connection: httpx looks at all that a pool has, and at all who wait for it, at every
        # request. One pool of a hundred costs eight times as much as the request itself.
        limits = httpx.Limits(max_connections=1, keepalive_expiry=_KEEP_ALIVE_SECONDS)
        context, headers = httpx.create_ssl_context(), {"User-Agent": "duologue"}
        self._texts = {key.name: key.text for key in keys}
        self._base_url = base_url.rstrip("/")
        self._clients = [httpx.AsyncClient(headers=headers, limits=limits, verify=context) for _ in range(CONNECTIONS)]
        self._ahead: timedelta | None = None
        self._idle: asyncio.LifoQueue[httpx.AsyncClient] = asyncio.LifoQueue()
        for client in self._clients:
            self._idle.put_nowait(client)

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()

    @property
    def now(self) -> datetime | None:
        """The moment by the upstream's own clock, as its last answer had it; None while there was none."""
        return None if self._ahead is None else clock.now() + self._ahead

    async def ask(self, question: Question[Content], key: str, asked: Request) -> Content:
        """Ask once with `key`, and read what is answered. Raises UpstreamError."""

        async def watch(happening: str, _: Mapping[str, Any]) -> None:
            if happening in _BYTES_LEAVE and not asked.may_leave():
                raise Abandoned("It was too late to send this.", key=key)

        request = self._clients[0].build_request(
            question.method,
            self._base_url + asked.path,
            json=asked.form,
            params=asked.query,
            headers={"Authorization": f"Bearer {self._text(key)}"},
            timeout=_timeout(question.call),
            extensions={"trace": watch},
        )
        answer = await self._send(question.call, request, key)
        self._note_clock(answer)
        if answer.status != HTTPStatus.OK:
            raise self._refused(question.call, answer.status, answer, key)
        envelope = _read(question, answer, key)
        if envelope.code != HTTPStatus.OK:
            raise self._refused(question.call, envelope.code, answer, key)
        return envelope.expected()

    async def put(self, call: Call, url: str, headers: Mapping[str, str], content: AsyncIterator[bytes]) -> int:
        """Send a body to somewhere the upstream named, without a key; the status it is answered with."""
        request = self._clients[0].build_request("PUT", url, headers=headers, content=content, timeout=_timeout(call))
        return (await self._send(call, request, "")).status

    async def _send(self, call: Call, request: httpx.Request, key: str) -> Answer:
        client = await self._idle.get()
        try:
            return await _send(call, client, request, key)
        finally:
            self._idle.put_nowait(client)

    def _note_clock(self, answer: Answer) -> None:
        told = refusals.moment(answer.headers.get("Date", ""))
        self._ahead = self._ahead if told is None else told - clock.now()

    def _text(self, key: str) -> str:
        if key not in self._texts:
            raise KeyRefused(f"The upstream key {key} is no longer among those that are set", status=401, key=key)
        return self._texts[key]

    def _refused(self, call: Call, status: int, answer: Answer, key: str) -> UpstreamError:
        said = read_message(answer.body)
        for text in self._texts.values():
            said = said.replace(text, "[key]")
        pause_seconds = refusals.told_pause_seconds(answer.headers, self.now or clock.now())
        error = refusals.why_refused(call, status, refusals.quoted(said), key, pause_seconds)
        if isinstance(error, Refused) and read_code(answer.body) != status:
            # A gateway that cannot find its way answers 404 too, and that says nothing of a job.
            return refusals.unanswered(call, f"somebody on the way answered {status}", key, pause_seconds)
        return error


async def _send(call: Call, client: httpx.AsyncClient, request: httpx.Request, key: str) -> Answer:
    """Send a request and read the whole answer, whatever it is. Raises UpstreamError when none comes."""
    try:
        async with asyncio.timeout(call.seconds):
            answer = await client.send(request, stream=True)
            try:
                body = await _body(answer)
            finally:
                await answer.aclose()
    except _NOT_SENT as error:
        raise NotReached(f"WaveSpeed cannot be reached: {type(error).__name__}", key=key) from None
    except (httpx.TimeoutException, TimeoutError):
        raise refusals.unanswered(call, f"nothing came for {call.seconds:g} seconds", key) from None
    except httpx.DecodingError:
        raise refusals.unanswered(call, "its answer was garbled on the way", key) from None
    except httpx.TransportError as error:
        raise refusals.unanswered(call, f"the connection broke off, {type(error).__name__}", key) from None
    if body is None:
        raise refusals.unanswered(call, f"its answer is longer than {ANSWER_MAX_BYTES // 2**20} MB", key)
    return Answer(answer.status_code, answer.headers, body)


async def _body(answer: httpx.Response) -> bytes | None:
    """What is answered; None where that is more than anybody would say."""
    body = bytearray()
    async for piece in answer.aiter_bytes():
        body += piece
        if len(body) > ANSWER_MAX_BYTES:
            return None
    return bytes(body)


def _read(question: Question[Content], answer: Answer, key: str) -> Envelope[Content]:
    """The answer if it is what was promised. After a submit, one that is not leaves open what was taken."""
    try:
        return question.reader.read(answer.body, question.call.what)
    except Unreadable as error:
        raise refusals.unreadable(question.call, error, key) from None


def _timeout(call: Call) -> httpx.Timeout:
    return httpx.Timeout(call.seconds, connect=CONNECT_SECONDS)
