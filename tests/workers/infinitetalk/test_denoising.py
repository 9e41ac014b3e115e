import pytest

from tests.workers.infinitetalk import rule

pytest.importorskip("torch", reason=rule.NEEDED)
pytest.importorskip("diffusers", reason=rule.NEEDED)
pytest.importorskip("transformers", reason=rule.NEEDED)

import torch

from workers.infinitetalk import denoising
from workers.infinitetalk.recipe import FAST, PRESETS, STANDARD, Recipe


def test_noise_is_the_same_for_the_same_seed_chunk_and_step_only() -> None:
    draw = denoising.seeded(Recipe(seed=5))
    same = denoising.seeded(Recipe(seed=5))(2, 1, (4, 4))

    assert torch.equal(draw(2, 1, (4, 4)), same)
    assert not torch.equal(draw(2, 2, (4, 4)), same)
    assert not torch.equal(draw(3, 1, (4, 4)), same)
    for other in (6, 5 + 2**32, 5 + 2**63):
        assert not torch.equal(denoising.seeded(Recipe(seed=other))(2, 1, (4, 4)), same)


@pytest.mark.parametrize("seed", [0, 2**63, 2**64 - 1, 10**30])
def test_any_seed_will_do(seed: int) -> None:
    assert denoising.seeded(Recipe(seed=seed))(1, 4, (2,)).isfinite().all()


def test_a_right_guess_renoised_lies_between_picture_and_noise() -> None:
    clean, noise, fresh = (torch.randn(8) for _ in range(3))
    noisy = 0.25 * clean + 0.75 * noise
    renoised = denoising.renoised(noisy, noise - clean, 0.75, 0.5, fresh)

    assert torch.allclose(renoised, 0.5 * clean + 0.5 * fresh, atol=1e-6)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_has_as_many_levels_as_steps_and_ends_without_noise(name: str) -> None:
    sigmas = PRESETS[name].schedule().sigmas.tolist()

    assert len(sigmas) == PRESETS[name].steps + 1
    assert sigmas[0] == 1.0
    assert sigmas[-1] == 0.0
    assert sigmas == sorted(sigmas, reverse=True)


def test_chunks_are_one_more_than_a_multiple_of_four() -> None:
    for recipe in (STANDARD, FAST):
        assert recipe.span.chunk_frames % 4 == recipe.span.motion_frames % 4 == 1
