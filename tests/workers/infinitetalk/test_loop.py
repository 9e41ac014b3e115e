"""What the chunk loop promises beyond the recorded numbers: lengths, resuming, cancelling, chance, nothing twice."""

import gc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.workers.infinitetalk import rule

pytest.importorskip("torch", reason=rule.NEEDED)
pytest.importorskip("diffusers", reason=rule.NEEDED)
pytest.importorskip("transformers", reason=rule.NEEDED)

import torch
from torch import Tensor

from tests.workers.infinitetalk import models
from tests.workers.infinitetalk.scenes import Album
from workers.infinitetalk import autoencoder, masks, pipeline, sizes
from workers.infinitetalk.guidance import Scales
from workers.infinitetalk.pipeline import Models
from workers.infinitetalk.progress import ChunkEnd, Frames, State, Step
from workers.infinitetalk.recipe import FAST, Recipe
from workers.infinitetalk.scene import Prompt, Scene
from workers.infinitetalk.timeline import Span

SMALL = {1.0: (32, 32)}
RECIPE = Recipe(span=Span(9, 5), steps=2, shift=3.0, scales=Scales(1.0, 1.0), seed=7)


@pytest.fixture(scope="module", name="loaded")
def _loaded() -> Models:
    return models.loaded("tiny", "p1", 1.0)


def test_a_resumed_video_is_the_uninterrupted_one_to_the_last_bit(loaded: Models, tmp_path: Path) -> None:
    whole, states = _rendered(loaded, _scene(22), RECIPE)
    states[2].save(tmp_path / "state.safetensors")
    rest, _ = _rendered(loaded, _scene(22), RECIPE, State.load(tmp_path / "state.safetensors"))

    assert len(states) == 5
    assert torch.equal(whole[:, states[2].frames :], rest)


def test_a_state_of_another_video_is_refused(loaded: Models) -> None:
    _, states = _rendered(loaded, _scene(9), RECIPE)

    with pytest.raises(ValueError, match="another video"):
        _rendered(loaded, _scene(22), replace(RECIPE, seed=8), states[0])


@pytest.mark.parametrize("frames", [1, 8, 9, 10, 13, 14])
def test_a_video_is_as_long_as_it_is_to_be(loaded: Models, frames: int) -> None:
    pictures, states = _rendered(loaded, _scene(frames), RECIPE)

    assert pictures.shape == (3, frames, 32, 32)
    assert states[-1].frames == frames


def test_a_long_video_holds_no_more_in_memory_than_a_short_one(loaded: Models) -> None:
    events = pipeline.speak(loaded, _scene(53), RECIPE)
    held = [_bytes_of_tensors() for event in events if isinstance(event, ChunkEnd)]

    assert len(held) == 12
    assert set(held[1:-1]) == {held[1]}, "nothing is left of a chunk but what the next begins with"


def test_whoever_stops_asking_has_cancelled(loaded: Models) -> None:
    asked: list[object] = []
    hook = loaded.transformer.register_forward_hook(lambda *_: asked.append(None))
    speaking = pipeline.speak(loaded, _scene(22), RECIPE)
    assert isinstance(next(speaking), Step)
    speaking.close()
    hook.remove()

    assert len(asked) == 1


def test_one_pass_is_enough_without_guidance(loaded: Models) -> None:
    asked: list[object] = []
    hook = loaded.transformer.register_forward_hook(lambda *_: asked.append(None))
    _rendered(loaded, _scene(13), RECIPE)
    hook.remove()

    assert len(asked) == 2 * 2


@pytest.mark.parametrize(("pages", "looks"), [(1, 1), (99, 3)])
def test_a_still_is_looked_at_once_and_a_video_once_a_chunk(loaded: Models, pages: int, looks: int) -> None:
    seen: list[object] = []
    hook = loaded.image_encoder.register_forward_hook(lambda *_: seen.append(None))
    _rendered(loaded, replace(_scene(17), source=_album(pages)), RECIPE)
    hook.remove()

    assert len(seen) == looks


def test_a_chunk_with_a_seed_of_its_own_leaves_the_ones_before_alone(loaded: Models) -> None:
    first, _ = _rendered(loaded, _scene(13), RECIPE)
    other, _ = _rendered(loaded, _scene(13), replace(RECIPE, seeds={1: 99}))

    assert torch.equal(first[:, :9], other[:, :9])
    assert not torch.equal(first[:, 9:], other[:, 9:])


def test_a_later_prompt_is_heard_from_its_chunk_on(loaded: Models) -> None:
    scene = _scene(13)
    later = Prompt(models.signal("loop", "later", 5, 48), start=4)
    first, _ = _rendered(loaded, scene, RECIPE)
    other, _ = _rendered(loaded, replace(scene, prompts=[*scene.prompts, later]), RECIPE)

    assert torch.equal(first[:, :9], other[:, :9])
    assert not torch.equal(first[:, 9:], other[:, 9:])


def test_silence_and_three_speakers_are_no_error(loaded: Models) -> None:
    boxes = [(0, 0, 16, 16), (16, 0, 32, 16), (0, 16, 16, 32)]
    classes = masks.to_tokens(masks.to_latents(masks.of_boxes(32, 32, boxes), sizes.fit(32, 32, SMALL)))
    scene = replace(_scene(9), voices=torch.zeros(3, 20, 3, 32), classes=classes)

    assert _rendered(loaded, scene, RECIPE)[0].isfinite().all()


def test_the_fast_preset_needs_one_pass_a_step_and_noise_for_each(loaded: Models) -> None:
    drawn: list[tuple[int, int]] = []

    def noise(chunk: int, step: int, shape: tuple[int, ...]) -> Tensor:
        drawn.append((chunk, step))
        return models.signal("fast", f"{chunk}.{step}", *shape)

    for _ in pipeline.speak(loaded, _scene(9), replace(FAST, span=Span(9, 5)), noise):
        pass
    assert drawn == [(0, 0), (0, 1), (0, 2), (0, 3), (0, 4)]


def test_frames_decoded_one_by_one_are_those_decoded_at_once(loaded: Models) -> None:
    latents = models.signal("decode", "latents", 16, 3, 4, 4)
    config = loaded.vae.config
    mean, std = (torch.tensor(values).view(1, -1, 1, 1, 1) for values in (config.latents_mean, config.latents_std))
    with torch.inference_mode():
        streamed = torch.cat(list(autoencoder.decode(loaded.vae, latents)), dim=1)
        whole = loaded.vae.decode(latents[None] * std + mean).sample[0]

    assert torch.equal(streamed, whole)


def _rendered(loaded: Models, scene: Scene, recipe: Recipe, state: State | None = None) -> tuple[Tensor, list[State]]:
    events = list(pipeline.speak(loaded, scene, recipe, state=state))
    pictures = torch.cat([event.pictures for event in events if isinstance(event, Frames)], dim=1)
    return pictures, list(_states(events))


def _states(events: list[Any]) -> Iterator[State]:
    return (event.state for event in events if isinstance(event, ChunkEnd))


def _scene(frames: int) -> Scene:
    return Scene(
        source=_album(1),
        voices=models.signal("loop", "voices", 1, 22, 3, 32),
        prompts=[Prompt(models.signal("loop", "text", 5, 48))],
        negative=Prompt(models.signal("loop", "negative", 3, 48)),
        frames=frames,
    )


def _album(pages: int) -> Album:
    pictures = tuple(rule.picture("loop", f"page.{index}", 4, 4, 8) for index in range(pages))
    return Album(pictures, sizes.fit(32, 32, SMALL))


def _bytes_of_tensors() -> int:
    gc.collect()
    # By its type: some of what lies about warns whoever asks it for its class.
    tensors = (each for each in gc.get_objects() if issubclass(type(each), Tensor))
    stores = (tensor.untyped_storage() for tensor in tensors if not tensor.is_meta)
    return sum({store.data_ptr(): store.nbytes() for store in stores}.values())
