"""Renders an order with the preview engine and watches what came out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from tests.factories_media import SAMPLE_RATE, write
from workers.engines.engine import Order, Rendering, Resolution, SpeakingOrder
from workers.engines.preview.engine import PreviewEngine
from workers.engines.preview.pixels import Floats, Pixels


@dataclass(frozen=True)
class Film:
    """A finished preview, read back from its file."""

    rendering: Rendering
    reports: list[tuple[str, float]]

    @property
    def warnings(self) -> str:
        return " ".join(self.rendering.warnings)

    @cached_property
    def frames(self) -> list[Pixels]:
        with av.open(str(self.rendering.video)) as container:
            return [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in container.decode(video=0)]

    @cached_property
    def sound(self) -> Floats:
        with av.open(str(self.rendering.video)) as container:
            return np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)]).astype(np.float32)

    def patch(self, middle: tuple[float, float], size: tuple[float, float]) -> npt.NDArray[np.float32]:
        """A part of every frame, given in shares of the frame: frames x height x width x 3."""
        height, width = self.frames[0].shape[:2]
        top, bottom = (round((middle[1] + sign * size[1] / 2) * height) for sign in (-1, 1))
        left, right = (round((middle[0] + sign * size[0] / 2) * width) for sign in (-1, 1))
        return np.stack([frame[top:bottom, left:right] for frame in self.frames]).astype(np.float32)


def shoot(
    folder: Path,
    voices: Sequence[bytes],
    *,
    picture: bytes = b"",
    video: bytes = b"",
    mask: bytes = b"",
    speaking_order: SpeakingOrder = "meanwhile",
    resolution: Resolution = "480p",
) -> Film:
    """Render media given as bytes."""
    order = Order(
        model="wavespeed-ai/infinitetalk",
        folder=folder,
        voices=tuple(write(folder, f"voice{number}.wav", voice) for number, voice in enumerate(voices)),
        picture=write(folder, "picture.png", picture) if picture else None,
        video=write(folder, "video.mp4", video) if video else None,
        mask=write(folder, "mask.png", mask) if mask else None,
        speaking_order=speaking_order,
        resolution=resolution,
    )
    reports: list[tuple[str, float]] = []
    rendering = PreviewEngine().render(order, lambda stage, fraction: reports.append((stage, fraction)))
    return Film(rendering, reports)


def darkness(patch: npt.NDArray[np.float32]) -> Floats:
    """How dark a patch is in each frame: around a mouth, how far it is open."""
    return np.asarray(-patch.mean(axis=(1, 2, 3)), np.float32)


def loudness_per_frame(samples: npt.NDArray[Any], frames: int) -> Floats:
    """Root of the mean square in every 40 ms, zero after the end."""
    per_frame = SAMPLE_RATE // 25
    padded = np.zeros(frames * per_frame, np.float32)
    padded[: len(samples)] = samples[: len(padded)]
    return np.asarray(np.sqrt((padded.reshape(frames, per_frame) ** 2).mean(axis=1)), np.float32)


def correlation(one: Floats, other: Floats) -> float:
    return float(np.corrcoef(one, other)[0, 1])


def boxes(content: bytes) -> Iterator[tuple[str, int]]:
    """The top-level boxes of an MP4: name and length."""
    at = 0
    while at < len(content):
        length = int.from_bytes(content[at : at + 4])
        yield content[at + 4 : at + 8].decode("ascii"), length
        at += length
