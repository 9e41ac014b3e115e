from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from tests.workers.infinitetalk import rule

pytest.importorskip("torch", reason=rule.NEEDED)
pytest.importorskip("diffusers", reason=rule.NEEDED)

import torch
from torch import Tensor

from tests.workers.infinitetalk import models
from workers.infinitetalk import masks, timeline
from workers.infinitetalk.transformer import TalkTransformer

RECORDED = rule.arrays("dit")
CASES = rule.cases("dit")["cases"]
TWO = [case for case in CASES if case["speakers"] == 2]


@dataclass(frozen=True)
class Run:
    velocity: Tensor
    audio_tokens: Tensor
    maps: list[Tensor]
    places: list[Tensor]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_pass_gives_the_recorded_velocity(case: dict[str, Any]) -> None:
    rule.assert_near(_run(case["name"]).velocity, RECORDED[f"{case['name']}.out"], 2e-4, 3e-5)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_projector_gives_the_recorded_audio_tokens(case: dict[str, Any]) -> None:
    step = case["audio_tokens_step"]
    found = _run(case["name"]).audio_tokens[:, ::step, ::step]

    rule.assert_near(found, RECORDED[f"{case['name']}.audio_tokens"], 3e-5, 3e-5)


@pytest.mark.parametrize("case", TWO, ids=lambda case: case["name"])
def test_every_token_looks_where_it_was_recorded_to_look(case: dict[str, Any]) -> None:
    run = _run(case["name"])

    rule.assert_near(torch.stack(run.maps), RECORDED[f"{case['name']}.speaker_map"], 2e-6, 1e-5)
    rule.assert_near(torch.stack(run.places), RECORDED[f"{case['name']}.positions"], 2e-4, 1e-4)


@pytest.mark.parametrize("case", TWO, ids=lambda case: case["name"])
def test_boxes_on_the_latent_grid_give_the_recorded_masks(case: dict[str, Any]) -> None:
    boxes = [(left, top, right, bottom) for top, left, bottom, right in case["boxes"]]

    height, width = case["lat"]
    assert (masks.of_boxes(height, width, boxes) == RECORDED[f"{case['name']}.masks"]).all()


@cache
def _model(config: str, seed: str) -> TalkTransformer:
    return models.transformer(config, seed)


@cache
def _run(name: str) -> Run:
    case = next(case for case in CASES if case["name"] == name)
    model = _model(case["config"], case["seed"])
    given = inputs(case)
    places: list[Tensor] = []
    kept = [block.norm_x.register_forward_hook(lambda *_: places.append(model.moment.places)) for block in model.blocks]
    model.moment.maps = []
    with torch.inference_mode():
        velocity = model(**given)[0]
        tokens = model.audio_proj(given["windows"])
    maps, model.moment.maps = model.moment.maps, None
    for hook in kept:
        hook.remove()
    return Run(velocity, tokens, maps, places)


def inputs(case: dict[str, Any]) -> dict[str, Any]:
    told, seed = rule.cases("dit")["configs"][case["config"]], case["inputs"]
    frames, (height, width) = (case["frames"] - 1) // 4 + 1, case["lat"]
    noise = models.signal(seed, "x", 16, frames, height, width)
    condition = models.signal(seed, "y", 20, frames, height, width)
    text = models.signal(seed, "text", case["text"], told["text_dim"])
    image = models.signal(seed, "clip", told["image_tokens"], told["image_dim"])
    classes = None
    if case["speakers"] == 2:
        classes = torch.from_numpy(masks.to_tokens(RECORDED[f"{case['name']}.masks"])).flatten(1)
    return {
        "latents": torch.cat([noise, condition])[None],
        "timestep": torch.tensor([case["t"]]),
        "text": models.zeros_to(512, text)[None],
        "image": image[None],
        "windows": _windows(case, told),
        "classes": classes,
    }


def _windows(case: dict[str, Any], told: dict[str, Any]) -> Tensor:
    heard = []
    for speaker in range(case["speakers"]):
        name = f"audio.{1 - speaker if case.get('swap_audio') else speaker}"
        length = case["audio_len"]
        embeddings = models.signal(case["inputs"], name, length, told["audio_layers"], told["audio_channels"])
        frames = torch.arange(case["start"], case["start"] + case["frames"])[:, None]
        wanted = (frames + torch.arange(timeline.WINDOW) - 2).clamp(0, length - 1)
        heard.append(embeddings[wanted] * (0 if case.get("zero_audio") else 1))
    return torch.stack(heard)
