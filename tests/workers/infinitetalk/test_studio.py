"""The whole model with tiny weights, from files to a film: what a GPU does, on a CPU and in noise."""

import wave
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from tests.workers.infinitetalk import rule

pytest.importorskip("torch", reason=rule.NEEDED)
pytest.importorskip("diffusers", reason=rule.NEEDED)
pytest.importorskip("transformers", reason=rule.NEEDED)

import torch

from workers.infinitetalk import rendering, shoot, staging
from workers.infinitetalk.guidance import Scales
from workers.infinitetalk.progress import ChunkEnd, Step
from workers.infinitetalk.recipe import FAST, Recipe
from workers.infinitetalk.rendering import Take
from workers.infinitetalk.residency import Residency
from workers.infinitetalk.shoot import Shoot
from workers.infinitetalk.source import Footage, Still
from workers.infinitetalk.speed import Speed
from workers.infinitetalk.studio import Furnishing, Studio
from workers.infinitetalk.timeline import Span
from workers.infinitetalk.tracks import SpeakingOrder
from workers.infinitetalk.weights import layout, tiny

SMALL = {1.0: (32, 32)}
RECIPE = Recipe(span=Span(9, 5), steps=2, shift=3.0, scales=Scales(1.0, 2.0), seed=3)
SECONDS = 22 / 25
"""Five chunks."""


@pytest.fixture(scope="module", name="weights")
def _weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("weights")
    tiny.write(root)
    return root


@pytest.fixture(scope="module", name="studio")
def _studio(weights: Path) -> Studio:
    return Studio.open(layout.find(weights, "multi"), Furnishing())


@pytest.fixture(name="wishes")
def _wishes(tmp_path: Path) -> Shoot:
    voices = [_voice(tmp_path / "left.wav", SECONDS, 200), _voice(tmp_path / "right.wav", SECONDS / 2, 300)]
    return Shoot(voices, prompts={0: "Two people talk."})


@pytest.fixture(name="still")
def _still() -> Still:
    return _picture()


def test_two_voices_and_a_picture_become_a_film(studio: Studio, wishes: Shoot, still: Still, tmp_path: Path) -> None:
    told = list(_rendered(studio, wishes, still, tmp_path / "take"))
    frames = rendering.finish(Take(tmp_path / "take"), shoot.hear(wishes), RECIPE, tmp_path / "film.mp4")
    pictures, sound = _read(tmp_path / "film.mp4")

    assert frames == len(pictures) == 22
    assert sound == 22 * 1920
    assert [type(event) for event in told] == [Step, Step, ChunkEnd] * 5


def test_a_take_that_was_left_after_three_chunks_ends_like_one_that_was_not(
    studio: Studio, wishes: Shoot, still: Still, tmp_path: Path
) -> None:
    for _ in _rendered(studio, wishes, still, tmp_path / "whole"):
        pass
    for _ in islice(_rendered(studio, wishes, still, tmp_path / "left"), 3 * 3 + 1):
        pass  # one step into the fourth chunk
    again = list(_rendered(studio, wishes, still, tmp_path / "left"))
    films = []
    for name in ("whole", "left"):
        rendering.finish(Take(tmp_path / name), shoot.hear(wishes), RECIPE, tmp_path / f"{name}.mp4")
        films.append(_read(tmp_path / f"{name}.mp4")[0])

    assert len(again) == 2 * 3
    assert (films[0] == films[1]).all()


@pytest.mark.parametrize("order", ["meanwhile", "left_right", "right_left"])
def test_every_order_of_speaking_has_its_length(
    studio: Studio, wishes: Shoot, still: Still, order: SpeakingOrder
) -> None:
    ordered = replace(wishes, order=order)
    voices = shoot.hear(ordered)
    scene = staging.stage(ordered, still, voices.frames, RECIPE, studio.ears)

    assert voices.frames == (22 if order == "meanwhile" else 33)
    assert scene.voices.shape[0] == 2
    assert scene.voices.shape[1] >= voices.frames
    assert scene.classes is not None
    assert scene.classes.shape == (3, 2, 2)


def test_a_voice_shorter_than_a_chunk_is_padded_and_the_film_is_not(
    studio: Studio, still: Still, tmp_path: Path
) -> None:
    short = Shoot([_voice(tmp_path / "short.wav", 0.2, 200)])
    for _ in _rendered(studio, short, still, tmp_path / "take"):
        pass

    assert rendering.finish(Take(tmp_path / "take"), shoot.hear(short), RECIPE, tmp_path / "film.mp4") == 5


def test_a_video_can_be_made_to_speak(studio: Studio, wishes: Shoot, still: Still, tmp_path: Path) -> None:
    for _ in _rendered(studio, wishes, still, tmp_path / "take"):
        pass
    rendering.finish(Take(tmp_path / "take"), shoot.hear(wishes), RECIPE, tmp_path / "first.mp4")
    with Footage(tmp_path / "first.mp4", SMALL) as footage:
        for _ in _rendered(studio, wishes, footage, tmp_path / "again"):
            pass
    frames = rendering.finish(Take(tmp_path / "again"), shoot.hear(wishes), RECIPE, tmp_path / "second.mp4")

    assert frames == 22


def test_a_mask_gives_one_voice_a_silent_neighbour(studio: Studio, still: Still, tmp_path: Path) -> None:
    grey = np.zeros((80, 80), np.uint8)
    grey[:, :40] = 255
    Image.fromarray(grey).save(tmp_path / "mask.png")
    masked = Shoot([_voice(tmp_path / "voice.wav", SECONDS, 200)], mask=tmp_path / "mask.png")
    scene = staging.stage(masked, still, 22, RECIPE, studio.ears)

    assert scene.classes is not None
    assert scene.classes.tolist() == [[[1, 0], [1, 0]], [[0, 1], [0, 1]], [[0, 0], [0, 0]]]
    assert scene.voices.shape[0] == 2


def test_boxes_and_voices_must_be_as_many(studio: Studio, wishes: Shoot, still: Still) -> None:
    with pytest.raises(ValueError, match="2 voices and 1 boxes"):
        staging.cast(replace(wishes, boxes=[(0, 0, 9, 9)]), still)
    with pytest.raises(ValueError, match="a box each"):
        staging.cast(replace(wishes, voices=[None, None, None]), still)


@pytest.mark.parametrize(
    "how",
    [
        Furnishing(residency=Residency.OFFLOADED),
        Furnishing(speed=Speed(attention="native")),
        Furnishing(speed=Speed(reuse_below=1e-9)),
    ],
    ids=["offloaded", "attention", "cache"],
)
def test_living_elsewhere_or_faster_changes_no_frame(
    weights: Path, studio: Studio, wishes: Shoot, tmp_path: Path, how: Furnishing
) -> None:
    other, still = Studio.open(layout.find(weights, "multi"), how), _picture()
    latents = [_latents(each, wishes, still, tmp_path / name) for name, each in (("one", studio), ("other", other))]

    assert torch.allclose(*latents, atol=1e-4)


def test_eight_bit_weights_change_little(
    weights: Path, studio: Studio, wishes: Shoot, still: Still, tmp_path: Path
) -> None:
    other = Studio.open(layout.find(weights, "multi"), Furnishing(residency=Residency.EIGHT_BIT))
    exact, coarse = (_latents(each, wishes, still, tmp_path / name) for name, each in (("a", studio), ("b", other)))

    assert other.models.transformer.blocks[0].ffn.net[2].weight.dtype == torch.float8_e4m3fn
    assert not torch.equal(exact, coarse)
    assert float((exact - coarse).norm() / exact.norm()) < 0.1


@pytest.mark.parametrize("residency", Residency)
def test_a_model_in_half_precision_paints_nearly_the_same(
    weights: Path, studio: Studio, wishes: Shoot, tmp_path: Path, residency: Residency
) -> None:
    half = Furnishing(dtype=torch.bfloat16, vae_dtype=torch.bfloat16, residency=residency)
    other, still = Studio.open(layout.find(weights, "multi"), half), _picture()
    latents = [_latents(each, wishes, still, tmp_path / name) for name, each in (("one", studio), ("other", other))]
    whole = [event for event in _rendered(other, wishes, still, tmp_path / "whole") if isinstance(event, ChunkEnd)]

    assert len(whole) == 5
    assert float((latents[0] - latents[1]).norm() / latents[0].norm()) < 0.15


@pytest.mark.parametrize(
    ("count", "has_mask", "variant"), [(1, False, "single"), (1, True, "multi"), (2, False, "multi")]
)
def test_one_speaker_with_a_place_takes_the_weights_for_two(count: int, has_mask: bool, variant: str) -> None:  # noqa: FBT001 - a parameter of the test
    assert Shoot([None] * count, mask=Path("mask.png") if has_mask else None).variant == variant


def test_the_few_step_weights_need_no_adapter(weights: Path, wishes: Shoot, still: Still, tmp_path: Path) -> None:
    fast = Studio.open(layout.find(weights, "fast"), Furnishing())
    recipe = replace(FAST, span=RECIPE.span)
    scene = staging.stage(wishes, still, 13, recipe, fast.ears)
    told = list(rendering.render(fast.models, scene, recipe, Take(tmp_path)))

    assert [type(event) for event in told] == [*[Step] * 4, ChunkEnd] * 2


def test_steps_that_change_little_take_over_the_answer_before(
    weights: Path, wishes: Shoot, still: Still, tmp_path: Path
) -> None:
    lazy = Studio.open(layout.find(weights, "multi"), Furnishing(speed=Speed(reuse_below=10.0)))
    asked: list[object] = []
    lazy.models.transformer.blocks[1].ffn.register_forward_hook(lambda *_: asked.append(None))
    _latents(lazy, wishes, still, tmp_path)

    # Two passes a step, each with a state of its own: only a chunk's first step goes all the way.
    assert len(asked) == 2


def _latents(studio: Studio, wishes: Shoot, still: Still, folder: Path) -> torch.Tensor:
    """What the first chunk has come to."""
    *_, step = islice(_rendered(studio, wishes, still, folder), 2)
    assert isinstance(step, Step)
    return step.latents


def _rendered(studio: Studio, wishes: Shoot, source: Still | Footage, folder: Path) -> Iterator[Step | ChunkEnd]:
    folder.mkdir(parents=True, exist_ok=True)
    frames = shoot.hear(wishes).frames
    scene = staging.stage(wishes, source, frames, RECIPE, studio.ears)
    yield from rendering.render(studio.models, scene, RECIPE, Take(folder))


def _picture() -> Still:
    return Still(rule.picture("studio", "still", 4, 4, 10), SMALL)


def _voice(path: Path, seconds: float, hertz: float) -> Path:
    time = np.arange(round(seconds * 48_000)) / 48_000
    with wave.open(str(path), "wb") as track:
        track.setparams((1, 2, 48_000, 0, "NONE", ""))
        track.writeframes(np.asarray(8000 * np.sin(2 * np.pi * hertz * time), "<i2").tobytes())
    return path


def _read(path: Path) -> tuple[npt.NDArray[np.uint8], int]:
    with av.open(str(path)) as container:
        samples = container.streams.audio[0].duration
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert samples is not None
    return np.stack(pictures).astype(np.uint8), samples
