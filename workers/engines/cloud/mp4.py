"""Watches an MP4 go by: whether it is whole, and what its index says of the picture; decodes nothing, keeps little.

A file cut at a box's edge with a length to match looks like a whole one to HTTP; here its boxes do not add up.
Layout: ISO/IEC 14496-12.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_INDEX_MAX_BYTES: Final = 16 * 2**20
_SMALL, _LARGE = struct.Struct(">I4s"), struct.Struct(">I4sQ")
_TO_THE_END, _LARGE_FOLLOWS = 0, 1
_PATH_TO_SAMPLES: Final = (b"mdia", b"minf", b"stbl")


@dataclass(frozen=True)
class Film:
    """A video as its index describes it; pixels, and its picture's own length."""

    width: int
    height: int
    frames: int
    seconds: float


class Watcher:
    """Is shown all pieces of a file, in order."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._box = b""
        self._left: int | None = 0
        """Bytes of the box that is going by; None when it goes on to the end of the file."""
        self._seen: set[bytes] = set()
        self._index = bytearray()
        self._is_mp4 = True

    def watch(self, piece: bytes) -> None:
        """See the next piece go by."""
        at = 0
        while at < len(piece) and self._is_mp4:
            if self._left == 0:
                at += self._read_head(piece[at : at + _LARGE.size])
                continue
            size = len(piece) - at if self._left is None else min(self._left, len(piece) - at)
            if self._box == b"moov" and len(self._index) <= _INDEX_MAX_BYTES:
                self._index += piece[at : at + size]
            self._left = None if self._left is None else self._left - size
            at += size

    def why_not_whole(self) -> str | None:
        """Say what is wrong once all has gone by; None when the boxes add up."""
        if not self._is_mp4 or not self._seen:
            return "it is not an MP4"
        if self._head or self._left:
            return "it ends in the middle of a box"
        return None if {b"moov", b"mdat"} <= self._seen else "it has no picture or no index"

    def film(self) -> Film | None:
        """What the index says; None when it is too long, or of a kind that is not read here."""
        if len(self._index) > _INDEX_MAX_BYTES:
            return None
        try:
            return _film(memoryview(bytes(self._index)))
        except struct.error:
            return None

    def _read_head(self, piece: bytes) -> int:
        """Take what is missing of a box's head; how many bytes that was."""
        before = len(self._head)
        self._head += piece[: _SMALL.size - before] if before < _SMALL.size else b""
        if len(self._head) >= _SMALL.size:
            size, kind = _SMALL.unpack_from(self._head)
            if size == _LARGE_FOLLOWS:
                taken = len(self._head) - before
                self._head += piece[taken : taken + _LARGE.size - len(self._head)]
            if size != _LARGE_FOLLOWS or len(self._head) == _LARGE.size:
                self._begin(size, kind)
                return self._head_bytes - before
        return len(self._head) - before

    def _begin(self, size: int, kind: bytes) -> None:
        self._head_bytes = len(self._head)
        if size == _LARGE_FOLLOWS:
            size = _LARGE.unpack_from(self._head)[2]
        self._is_mp4 = (bool(self._seen) or kind == b"ftyp") and (size == _TO_THE_END or size >= self._head_bytes)
        self._left = None if size == _TO_THE_END else size - self._head_bytes
        self._box = kind
        self._seen.add(kind)
        self._head.clear()


def _film(index: memoryview) -> Film | None:
    for track in _boxes(index, b"trak"):
        media = _box(track, b"mdia")
        if bytes(_box(media, b"hdlr")[8:12]) == b"vide":
            width, height = struct.unpack(">II", _box(track, b"tkhd")[-8:])
            samples = track
            for name in _PATH_TO_SAMPLES:
                samples = _box(samples, name)
            frames = struct.unpack_from(">I", _box(samples, b"stsz"), 8)[0]
            return Film(width >> 16, height >> 16, frames, _seconds(_box(media, b"mdhd")))
    return None


def _seconds(header: memoryview) -> float:
    """The track's own length; version 1 of its header has longer instants."""
    units, length = (
        struct.unpack_from(">IQ", header, 20) if bytes(header[:1]) == b"\x01" else struct.unpack_from(">II", header, 12)
    )
    return float(length / units) if units else 0.0


def _box(parent: memoryview, name: bytes) -> memoryview:
    """The content of the first box of that name; empty when there is none, which no reader of ours accepts."""
    return next(_boxes(parent, name), memoryview(b""))


def _boxes(parent: memoryview, name: bytes) -> Iterator[memoryview]:
    at = 0
    while at + _SMALL.size <= len(parent):
        size, kind = _SMALL.unpack_from(parent, at)
        if size < _SMALL.size:
            return
        if kind == name:
            yield parent[at + _SMALL.size : at + size]
        at += size
