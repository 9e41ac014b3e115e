from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import pytest

from tests.workers.infinitetalk import rule

pytest.importorskip("torch", reason=rule.NEEDED)
pytest.importorskip("diffusers", reason=rule.NEEDED)
pytest.importorskip("transformers", reason=rule.NEEDED)

import torch
from torch import Tensor

from tests.workers.infinitetalk import models, scenes
from workers.infinitetalk import autoencoder, looking, pipeline
from workers.infinitetalk.progress import ChunkEnd, Frames, Step

CASES = rule.cases("pipeline")["cases"]
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])


@dataclass
class Run:
    """What one whole generation said."""

    pieces: list[Tensor] = field(default_factory=list)
    latents: list[Tensor] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    tails: list[Tensor] = field(default_factory=list)
    answers: list[Tensor] = field(default_factory=list)

    @property
    def frames(self) -> Tensor:
        return torch.cat(self.pieces, dim=1)

    def passes(self, case: dict[str, Any], chunk: int) -> Tensor:
        count = 2 if case["text_scale"] == 1 else 3
        first = chunk * case["steps"] * count
        return torch.cat(self.answers[first : first + count])


@each_case
def test_what_is_seen_of_the_reference_is_as_recorded(case: dict[str, Any]) -> None:
    loaded, scene, recorded = _models(case), scenes.scene(case), rule.arrays(f"pipeline_{case['name']}")
    for index, start in enumerate((0, case["chunk"] - case["motion"])):
        picture = scene.source.frame(start)
        with torch.inference_mode():
            features = looking.look(loaded.image_encoder, picture)
            condition = looking.reference_condition(loaded.vae, picture, case["chunk"])
        rule.assert_near(features[:32], recorded["look"][index], 1e-4, 1e-5)
        rule.assert_near(condition[4:], recorded["reference_latent"][index], 1e-5, 2e-6)
        if index == 0:
            rule.assert_near(condition[4:, :1], recorded["head_latent_0"], 1e-5, 2e-6)


@each_case
def test_the_head_of_the_second_chunk_is_the_end_of_the_first(case: dict[str, Any]) -> None:
    tail = _run(case["name"]).tails[0]
    with torch.inference_mode():
        head = autoencoder.encode(_models(case).vae, tail)

    rule.assert_near(head, rule.arrays(f"pipeline_{case['name']}")["head_latent_1"], 2e-4, 1e-4)


@each_case
def test_the_first_steps_passes_are_as_recorded(case: dict[str, Any]) -> None:
    run, recorded = _run(case["name"]), rule.arrays(f"pipeline_{case['name']}")

    rule.assert_near(run.passes(case, 0), recorded["passes_0"], 2e-4, 5e-5)
    rule.assert_near(run.passes(case, 1), recorded["passes_1"], 4e-4, 1e-4)


@each_case
def test_every_chunks_latents_are_as_recorded(case: dict[str, Any]) -> None:
    rule.assert_near(
        torch.stack(_run(case["name"]).latents), rule.arrays(f"pipeline_{case['name']}")["latents"], 5e-3, 3e-4
    )


@each_case
def test_every_frame_is_as_recorded(case: dict[str, Any]) -> None:
    frames, recorded = _run(case["name"]).frames.numpy(), rule.arrays(f"pipeline_{case['name']}")

    assert frames.shape == (3, case["frames"], *case["size"])
    rule.assert_near(frames[:, :, 1::3, 1::3], recorded["frames_sub"], 1e-2, 1e-3)
    assert np.abs(frames.mean(axis=(2, 3)) - recorded["frame_mean"]).max() <= 1e-3
    assert np.abs(frames.std(axis=(2, 3)) - recorded["frame_std"]).max() <= 1e-3


@each_case
def test_chunks_end_where_they_were_recorded_to(case: dict[str, Any]) -> None:
    assert [0, *_run(case["name"]).ends] == case["boundaries"]


@cache
def _run(name: str) -> Run:
    case = next(case for case in CASES if case["name"] == name)
    loaded, run = _models(case), Run()
    hook = loaded.transformer.register_forward_hook(lambda _model, _inputs, velocity: run.answers.append(velocity))
    for event in pipeline.speak(loaded, scenes.scene(case), scenes.recipe(case), scenes.noise(case)):
        match event:
            case Step(step=step, steps=steps, latents=latents) if step == steps:
                run.latents.append(latents)
            case Frames(pictures=pictures):
                run.pieces.append(pictures)
            case ChunkEnd(state=state):
                run.ends.append(state.frames)
                run.tails.append(state.tail)
            case _:
                pass
    hook.remove()
    return run


def _models(case: dict[str, Any]) -> pipeline.Models:
    return models.loaded(case["config"], case["weights"], case["vae_gain"])
