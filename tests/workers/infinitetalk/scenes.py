"""Builds the recorded generations' scenes, recipes and noise."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tests.workers.infinitetalk import models, rule
from workers.infinitetalk import masks, pictures, sizes
from workers.infinitetalk.denoising import Noise
from workers.infinitetalk.guidance import Projected, Scales
from workers.infinitetalk.pictures import Pixels
from workers.infinitetalk.recipe import Recipe
from workers.infinitetalk.scene import Prompt, Scene
from workers.infinitetalk.timeline import Span

TINY = {float(ratio): (height, width) for ratio, (height, width) in rule.cases("frames")["tiny_buckets"].items()}


@dataclass(frozen=True)
class Album:
    """A source made of pictures, one for each frame; past the end the last."""

    pictures: tuple[Pixels, ...]
    fit: sizes.Fit

    @property
    def size(self) -> tuple[int, int]:
        return self.pictures[0].shape[0], self.pictures[0].shape[1]

    def frame(self, index: int) -> Tensor:
        covered = pictures.cover(self.pictures[min(index, len(self.pictures) - 1)], self.fit)
        return torch.from_numpy(covered.copy()).permute(2, 0, 1).float() / 127.5 - 1


def scene(case: dict[str, Any]) -> Scene:
    told, seed = rule.cases("dit")["configs"][case["config"]], case["inputs"]
    pages = album(case)
    positive, negative = (
        Prompt(models.signal(seed, f"text.{kind}", count, told["text_dim"]))
        for kind, count in zip(("positive", "negative"), case["text_tokens"], strict=True)
    )
    shape = (case["audio_len"], told["audio_layers"], told["audio_channels"])
    voices = [models.signal(seed, f"audio.{speaker}", *shape) for speaker in range(case["speakers"])]
    return Scene(
        source=pages,
        voices=torch.stack(voices),
        prompts=[positive],
        negative=negative,
        frames=min(case["audio_len"], case["max_frames"]),
        classes=classes(case, pages.fit) if case["speakers"] > 1 else None,
    )


def album(case: dict[str, Any]) -> Album:
    told = case["picture"]
    size = (told["rows"], told["cols"], told["cell"])
    pages = [rule.picture(case["inputs"], f"frame.{index}", *size) for index in range(told["count"])]
    soft = [page // np.uint8(2) + np.uint8(64) for page in pages] if told.get("soft") else pages
    return Album(tuple(soft), sizes.fit(pages[0].shape[0], pages[0].shape[1], TINY))


def classes(case: dict[str, Any], fit: sizes.Fit) -> masks.Masks:
    height, width = case["picture"]["rows"] * case["picture"]["cell"], case["picture"]["cols"] * case["picture"]["cell"]
    boxes = [(left, top, right, bottom) for top, left, bottom, right in case["boxes"] or []]
    drawn = masks.of_boxes(height, width, boxes) if boxes else masks.of_halves(height, width)
    return masks.to_tokens(masks.to_latents(drawn, fit))


def recipe(case: dict[str, Any]) -> Recipe:
    projected = Projected(**case["apg"]) if case["apg"] else None
    return Recipe(
        span=Span(case["chunk"], case["motion"]),
        steps=case["steps"],
        shift=case["shift"],
        scales=Scales(case["text_scale"], case["audio_scale"], projected),
        strides="original",
        colour=case["colour"],
    )


def noise(case: dict[str, Any]) -> Noise:
    def draw(chunk: int, step: int, shape: tuple[int, ...]) -> Tensor:
        assert step == 0
        return models.signal(case["inputs"], f"noise.{chunk}", *shape)

    return draw
