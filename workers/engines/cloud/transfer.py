"""Carries a finished video from the upstream into the bucket: piece by piece, never on the disk, never twice the same.

A read that breaks off is taken up where it broke. What is not proved to be whole is refused: the length that was
announced, the boxes of the MP4, and after a break the same file as before it.
"""

import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Protocol

import httpx

from workers.engines.cloud.errors import NotReached, OutputBroken, OutputMissing
from workers.engines.cloud.mp4 import Film, Watcher

_HEADERS: Final = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "duologue"}
_LONGEST_PAUSE_SECONDS: Final = 30.0
_SPAN: Final = re.compile(r"bytes (\d+)-\d+/(\d+|\*)", re.ASCII)
_PASSING: Final = frozenset({408, 425, 429})
_PAGES: Final = ("text/html", "application/json")


class Sink(Protocol):
    """Where the bytes go. Whoever opened it keeps what was written, or throws it away when `carry` raises."""

    def write(self, piece: bytes) -> None:
        """Take the next piece."""

    def digest(self) -> str:
        """SHA-256 of all that was written so far, in hex."""


@dataclass(frozen=True)
class Terms:
    """How long the whole may take and be, how often in a row it may come to nothing, and the first pause after that."""

    seconds: float = 1800.0
    max_bytes: int = 8 * 2**30
    tries: int = 6
    first_pause_seconds: float = 0.5


@dataclass(frozen=True)
class Carried:
    """What went by. `film` is None where the file's index is of a kind that we do not read."""

    bytes: int
    sha256: str
    film: Film | None


def carry(
    source: httpx.Client,
    url: str,
    sink: Sink,
    terms: Terms | None = None,
    *,
    check: Callable[[], None] = lambda: None,
    pause: Callable[[float], None] = time.sleep,
) -> Carried:
    """Read `url` to its end into `sink`, taking it up again after each break.

    `check` is called between pieces, and `pause` waits; what either raises ends the reading. Raises OutputMissing when
    there is no such file, NotReached when there is no connection to where it lies, OutputBroken when it does not come
    whole, and whatever `sink` raises.
    """
    reading = _Reading(source, url, sink, terms or Terms(), check)
    in_vain = 0
    while True:
        before = reading.received
        try:
            reading.go_on()
        except _Broke as broke:
            in_vain = 0 if reading.received > before else in_vain + 1
            if in_vain >= reading.terms.tries:
                if isinstance(broke, _Unreached):
                    raise NotReached(f"WaveSpeed's video cannot be reached: {broke}") from None
                raise OutputBroken(f"WaveSpeed's video does not come through: {broke}") from None
        else:
            return reading.whole()
        pause(min(reading.terms.first_pause_seconds * 2.0 ** max(in_vain - 1, 0), _LONGEST_PAUSE_SECONDS))


class _Broke(Exception):
    """The reading broke off; it may be taken up again."""


class _Unreached(_Broke):
    """There was no connection; that may be our own network."""


class _Reading:
    """One file on its way, over as many requests as it takes."""

    def __init__(self, source: httpx.Client, url: str, sink: Sink, terms: Terms, check: Callable[[], None]) -> None:
        self.terms = terms
        self.received = 0
        self._source = source
        self._url = url
        self._sink = sink
        self._check = check
        self._watcher = Watcher()
        self._tag: str | None = None
        self._total: int | None = None
        self._ends_at = time.monotonic() + terms.seconds

    def go_on(self) -> None:
        """Ask for the rest and read it. Raises _Broke where it breaks off."""
        try:
            with self._source.stream("GET", self._url, headers=self._headers(), follow_redirects=True) as answer:
                self._judge(answer)
                if self.received and answer.status_code == HTTPStatus.OK:
                    self._read_again(answer)
                else:
                    self._read(answer)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
            raise _Unreached(type(error).__name__) from None
        except (httpx.TransportError, httpx.TooManyRedirects) as error:
            raise _Broke(type(error).__name__) from None
        if self._total is not None and self.received < self._total:
            raise _Broke("it ended too early")

    def whole(self) -> Carried:
        """What was read. Raises OutputBroken when it is not a whole video."""
        if reason := self._watcher.why_not_whole():
            raise OutputBroken(f"What WaveSpeed gave for a video is not one: {reason}")
        return Carried(self.received, self._sink.digest(), self._watcher.film())

    def _headers(self) -> dict[str, str]:
        if not self.received:
            return _HEADERS
        since = {"Range": f"bytes={self.received}-"}
        return _HEADERS | since | ({"If-Range": self._tag} if self._tag else {})

    def _judge(self, answer: httpx.Response) -> None:
        """Refuse an answer that is not the file, or not its rest."""
        status = answer.status_code
        if status in _PASSING or answer.is_server_error:
            raise _Broke(f"it is answered with {status}")
        if status == HTTPStatus.PARTIAL_CONTENT and self.received:
            return self._judge_rest(answer)
        if status != HTTPStatus.OK:
            raise OutputMissing(f"WaveSpeed's video is not where it should be: it is answered with {status}")
        if answer.headers.get("content-type", "").startswith(_PAGES):
            raise OutputBroken("WaveSpeed gave a page for a video")
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise OutputBroken("WaveSpeed gave its video in an encoding that was not asked for")
        return self._note_length(answer)

    def _judge_rest(self, answer: httpx.Response) -> None:
        """The rest must begin where we stopped, and belong to the same file."""
        found = _SPAN.fullmatch(answer.headers.get("content-range", ""))
        first, total = found.groups() if found else ("", "")
        is_as_long = self._total is None or total in {"*", str(self._total)}
        is_same = self._tag is None or answer.headers.get("etag", self._tag) == self._tag
        if first != str(self.received) or not is_as_long or not is_same:
            raise OutputBroken("WaveSpeed's video changed while it was read")

    def _note_length(self, answer: httpx.Response) -> None:
        """Keep the announced length; a body whose end nothing proves is refused."""
        length = answer.headers.get("content-length", "")
        total = int(length) if length.isascii() and length.isdigit() else None
        if total is None and "chunked" not in answer.headers.get("transfer-encoding", ""):
            raise OutputBroken("WaveSpeed does not say how long its video is, so nobody can tell whether it is whole")
        if self.received and total != self._total:
            raise OutputBroken("WaveSpeed's video changed while it was read")
        if total is not None and total > self.terms.max_bytes:
            raise OutputBroken(f"WaveSpeed's video has more than {self.terms.max_bytes} bytes")
        tag = answer.headers.get("etag", "")
        self._total, self._tag = total, tag if tag.startswith('"') else None

    def _read(self, answer: httpx.Response) -> None:
        for piece in answer.iter_raw():
            self._take(piece)

    def _read_again(self, answer: httpx.Response) -> None:
        """All of it again, as some servers give for a rest: what we have must be the same, and is let go by."""
        left, again = self.received, hashlib.sha256()
        for piece in answer.iter_raw():
            self._look_up()
            known, new = piece[:left], piece[left:]
            left -= len(known)
            again.update(known)
            if left == 0 and known and again.hexdigest() != self._sink.digest():
                raise OutputBroken("WaveSpeed's video changed while it was read")
            if new:
                self._take(new)

    def _take(self, piece: bytes) -> None:
        self._look_up()
        if self.received + len(piece) > self.terms.max_bytes:
            raise OutputBroken(f"WaveSpeed's video has more than {self.terms.max_bytes} bytes")
        self._sink.write(piece)
        self._watcher.watch(piece)
        self.received += len(piece)

    def _look_up(self) -> None:
        """See between pieces whether the reading may go on."""
        self._check()
        if time.monotonic() > self._ends_at:
            raise OutputBroken(f"WaveSpeed's video did not come within {self.terms.seconds:g} seconds")
