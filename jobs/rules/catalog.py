"""The eight models we serve, once: what each takes, and nothing about how it is rendered or priced."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Kind = Literal["image", "video", "audio", "mask"]

ORDERS = ("meanwhile", "left_right", "right_left")
RESOLUTIONS = ("480p", "720p")
SEED_MAX = 2**31 - 1
PROMPT_MAX_LETTERS = 10_000
OUTPUT_MAX_SECONDS = 600


@dataclass(frozen=True)
class Model:
    """One model: `media` maps each media field to its kind, `required` names those that must be there.

    One that `is_fast` is rendered in few steps.
    """

    id: str
    description: str
    base_price_usd: Decimal
    media: dict[str, Kind]
    required: tuple[str, ...]
    has_resolution: bool
    is_fast: bool

    @property
    def voices(self) -> tuple[str, ...]:
        """The audio fields, left speaker first."""
        return tuple(name for name, kind in self.media.items() if kind == "audio")

    @property
    def is_duet(self) -> bool:
        return len(self.voices) > 1

    @property
    def source(self) -> str:
        """The field that is shown: `image` or `video`."""
        return next(name for name, kind in self.media.items() if kind in {"image", "video"})


def _model(suffix: str, *, fast: bool) -> Model:
    source: Kind = "video" if "video-to-video" in suffix else "image"
    is_duet = suffix.endswith("multi")
    voices = ("left_audio", "right_audio") if is_duet else ("audio",)
    media: dict[str, Kind] = {source: source, **dict.fromkeys(voices, "audio")}
    if not is_duet:
        media["mask_image"] = "mask"
    speakers = "two people speak with two voices" if is_duet else "one person speaks with one voice"
    return Model(
        id=f"wavespeed-ai/infinitetalk{'-fast' if fast else ''}{suffix}",
        description=f"From one {'video' if source == 'video' else 'picture'}, a video in which {speakers}"
        + ("; few steps, 480p." if fast else "; 480p or 720p."),
        base_price_usd=Decimal("0.075") if fast else Decimal("0.15"),
        media=media,
        required=(source, *voices),
        has_resolution=not fast,
        is_fast=fast,
    )


_SUFFIXES = ("", "/multi", "/video-to-video", "/video-to-video-multi")

MODELS: dict[str, Model] = {
    model.id: model for fast in (False, True) for model in (_model(suffix, fast=fast) for suffix in _SUFFIXES)
}
