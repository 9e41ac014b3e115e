"""Receives one HTTP answer into a file, measuring length, type and encoding as the bytes arrive."""

import ssl
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urljoin

import httpx

from jobs.errors import MediaError
from workers import guard
from workers.intake.inline import too_large
from workers.intake.limits import Limits

_HEADERS: Final = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "duologue"}
_PAGE_TYPES: Final = {"text/html", "application/xhtml+xml"}
_WORTH_ANOTHER_TRY: Final = {408, 425, 429}
_STEP_BYTES: Final = 256 * 1024
_GZIP_OR_ZLIB: Final = zlib.MAX_WBITS | 32


@dataclass(frozen=True)
class Asked:
    """One URL, the field it stands in, and how many bytes of it are taken."""

    field: str
    url: str
    max_bytes: int


def receive(client: httpx.Client, asked: Asked, destination: Path, check: Callable[[], None]) -> str | None:
    """Write the answer of a URL into `destination`; when it is a redirect, write nothing and return where to.

    Raises MediaError for an answer that is of no use, and httpx's errors for one that does not come.
    """
    field = asked.field
    with client.stream("GET", asked.url, headers=_HEADERS) as answer:
        if answer.has_redirect_location:
            return _further(field, asked.url, answer.headers["location"])
        _refuse_useless(field, answer, asked.max_bytes)
        size_bytes = 0
        with destination.open("wb") as file:
            for piece in _decoded(field, answer):
                check()
                size_bytes += len(piece)
                if max(size_bytes, answer.num_bytes_downloaded) > asked.max_bytes:  # what unpacks to nothing counts too
                    raise too_large(field, asked.max_bytes)
                file.write(piece)
    if not size_bytes:
        raise MediaError(field, "is empty")
    return None


@contextmanager
def told_as_media_error(field: str, limits: Limits) -> Iterator[None]:
    """Turn what can go wrong on the way into a sentence, permanent when the same URL can never do better."""
    try:
        yield
    except (guard.AddressRefused, guard.UnknownHost) as error:
        raise MediaError(field, str(error)) from None
    except httpx.InvalidURL:
        raise MediaError(field, "the URL cannot be read") from None
    except guard.ExchangeTooLong:
        sentence = f"could not be fetched within {limits.fetch_seconds:g} seconds"
        raise MediaError(field, sentence, permanent=False) from None
    except httpx.TimeoutException:
        sentence = f"the address sent nothing for {limits.idle_seconds:g} seconds"
        raise MediaError(field, sentence, permanent=False) from None
    except httpx.TransportError as error:
        if isinstance(_root(error), ssl.SSLCertVerificationError):
            raise MediaError(field, "the address has no valid certificate") from None
        raise MediaError(field, "the connection to the address failed or broke off", permanent=False) from error


def _further(field: str, url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise MediaError(field, "the URL redirects to what is no URL") from None


def _refuse_useless(field: str, answer: httpx.Response, max_bytes: int) -> None:
    code = answer.status_code
    if code != httpx.codes.OK:
        sentence = f"the address answered {code} {httpx.codes.get_reason_phrase(code)}".rstrip()
        raise MediaError(field, sentence, permanent=not (answer.is_server_error or code in _WORTH_ANOTHER_TRY))
    if answer.headers.get("content-type", "").partition(";")[0].strip().lower() in _PAGE_TYPES:
        raise MediaError(field, "the address answered with a web page, not media")
    # A length that is honest spares us the transfer; one that lies gains nothing, for bytes are counted anyway.
    length = answer.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length) > max_bytes:
        raise too_large(field, max_bytes)


def _decoded(field: str, answer: httpx.Response) -> Iterator[bytes]:
    """Read the body in small pieces. We asked for it bare, but some servers compress whatever they send."""
    encoding = answer.headers.get("content-encoding", "identity").strip().lower()
    if encoding in {"identity", ""}:
        yield from answer.iter_raw()
    elif encoding in {"gzip", "x-gzip", "deflate"}:
        yield from _inflated(field, answer.iter_raw())
    else:
        raise MediaError(field, "the address sent a content-encoding that was not asked for")


def _inflated(field: str, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Inflate step by step: a few bytes can unpack to gigabytes, and whoever counts must see them come.

    What follows the end has to be one more whole stream, as in gzip's files of several members.
    """
    inflater = zlib.decompressobj(wbits=_GZIP_OR_ZLIB)
    try:
        for piece in pieces:
            rest = piece
            while rest:
                if inflater.eof:
                    inflater = zlib.decompressobj(wbits=_GZIP_OR_ZLIB)
                yield inflater.decompress(rest, _STEP_BYTES)
                rest = inflater.unconsumed_tail or inflater.unused_data
        yield inflater.flush()
    except zlib.error:
        raise MediaError(field, "the address sent a damaged content-encoding") from None
    if not inflater.eof:
        raise MediaError(field, "the connection to the address failed or broke off", permanent=False)


def _root(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error
