"""Posts one letter, and tells how that went in words its owner may read; whatever answers, however, ends in time."""

import ssl
from typing import Final

import anyio
import httpx

from jobs import clock
from jobs.rules.addresses import names_an_address
from jobs.rules.deliveries import Tried, told_seconds
from jobs.webhooks import Letter, Outcome
from workers.guard import AddressRefused, UnknownHost

ANSWER_KEPT_BYTES: Final = 1024
ANSWER_MAX_BYTES: Final = 64 * 2**10

_SENTENCES: Final[dict[type[Exception], str]] = {
    UnknownHost: "its host name has no address",
    httpx.ConnectTimeout: "it could not be connected to in time",
    httpx.ConnectError: "it could not be connected to",
    httpx.TimeoutException: "it did not answer in time",
    httpx.ProtocolError: "what it answered is not HTTP",
    httpx.NetworkError: "it broke off before it answered",
}


async def post(client: httpx.AsyncClient, letter: Letter, seconds: float) -> Outcome:
    """Post it now, in `seconds` at most; never raises for what a receiver does."""
    began_at = clock.now()
    status, error, answer, told, is_permanent = None, "", b"", None, False
    try:
        with anyio.fail_after(seconds):
            request = letter.post(int(began_at.timestamp()))
            sent = client.build_request("POST", request.url, headers=request.headers, content=request.body)
            reply = await client.send(sent, stream=True)
            try:
                status, told = reply.status_code, reply.headers.get("Retry-After")
                answer = await _first_bytes(reply)
            finally:
                await reply.aclose()
    except AddressRefused as refused:
        # A resolver that answers wrongly for an hour must cost no delivery.
        error, is_permanent = str(refused), names_an_address(letter.url)
    except httpx.InvalidURL:
        error, is_permanent = "its URL cannot be called", True
    except TimeoutError:
        error = "" if status else f"it did not answer within {seconds:g} seconds"
    except httpx.TransportError as broken:
        error = "" if status else _sentence(broken)
    ended_at = clock.now()
    tried = Tried(began_at, ended_at, status, error, told_seconds(told, ended_at), is_permanent)
    return Outcome(letter, tried, answer.decode(errors="replace"))


async def _first_bytes(reply: httpx.Response) -> bytes:
    """What is kept of an answer. A short one is read to its end, so that the connection may serve again."""
    found, length = b"", 0
    async for piece in reply.aiter_raw():
        found += piece[: ANSWER_KEPT_BYTES - len(found)]
        length += len(piece)
        if length > ANSWER_MAX_BYTES:
            break
    return found


def _sentence(error: httpx.TransportError) -> str:
    if _is_about_tls(error):
        return "its certificate is not accepted, or it does not speak TLS"
    return next((said for kind, said in _SENTENCES.items() if isinstance(error, kind)), "it could not be reached")


def _is_about_tls(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False
