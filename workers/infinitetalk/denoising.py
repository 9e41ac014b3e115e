"""Makes one chunk's latents out of noise: at every step the passes, their guidance, and a step towards the picture."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from workers.infinitetalk.guidance import Guide, Pass
from workers.infinitetalk.looking import Sight
from workers.infinitetalk.progress import Step
from workers.infinitetalk.recipe import Recipe
from workers.infinitetalk.transformer import TalkTransformer

Noise = Callable[[int, int, tuple[int, ...]], Tensor]
"""Draws noise for a chunk and a step, in a shape."""


@dataclass(frozen=True)
class Given:
    """What a chunk's passes are given, beside the latents: all on the transformer's device, in its dtype.

    `head` is the clean beginning (16 x 1 or more latent frames), put in place before every step and after the last.
    """

    chunk: int
    sight: Sight
    head: Tensor
    windows: Tensor
    text: Tensor
    negative: Tensor
    classes: Tensor | None


def denoise(transformer: TalkTransformer, given: Given, recipe: Recipe, noise: Noise) -> Iterator[Step]:
    """Yield after every step; the last step's latents are what is to be decoded."""
    guide = Guide(recipe.scales)
    sigmas = recipe.schedule().sigmas.tolist()
    shape = tuple(given.sight.condition[4:].shape)
    latents = _with_head(noise(given.chunk, 0, shape).to(given.head), given.head)
    transformer._reset_stateful_cache()  # noqa: SLF001 - caches of another chunk say nothing of this one
    for step in range(recipe.steps):
        velocity = guide.combine(ask(transformer, given, latents, step, recipe))
        if recipe.fresh_noise:
            drawn = noise(given.chunk, step + 1, shape).to(latents)
            latents = renoised(latents, velocity, sigmas[step], sigmas[step + 1], drawn)
        else:
            latents = latents + (sigmas[step + 1] - sigmas[step]) * velocity
        latents = _with_head(latents, given.head)
        yield Step(given.chunk, step + 1, recipe.steps, latents)


def ask(transformer: TalkTransformer, given: Given, latents: Tensor, step: int, recipe: Recipe) -> dict[Pass, Tensor]:
    """Run the step's passes; each has caches of its own."""
    scheduler = recipe.schedule()
    joined = torch.cat([latents, given.sight.condition]).to(given.text)[None]
    timestep = scheduler.timesteps[step : step + 1].to(joined.device)
    told = {"step_index": step, "num_inference_steps": recipe.steps, "sigma": float(scheduler.sigmas[step])}
    answers = {}
    for each in recipe.scales.passes:
        text = given.text if each.has_text else given.negative
        with transformer.cache_context(each.value, **told):
            velocity = transformer(
                joined,
                timestep,
                text=text[None],
                image=given.sight.features.to(text)[None],
                # Who hears nothing is nobody in particular: one speaker, whatever the scene.
                windows=given.windows if each.has_audio else torch.zeros_like(given.windows[:1]),
                classes=given.classes if each.has_audio else None,
            )
        answers[each] = velocity[0].float()
    return answers


def renoised(latents: Tensor, velocity: Tensor, sigma: float, next_sigma: float, noise: Tensor) -> Tensor:
    """Guess the clean latents, and noise them to the next level."""
    return (1 - next_sigma) * (latents - sigma * velocity) + next_sigma * noise


def seeded(recipe: Recipe) -> Noise:
    """Draw on the CPU, from a generator per chunk and step: the same noise on every device, whoever resumes."""

    def draw(chunk: int, step: int, shape: tuple[int, ...]) -> Tensor:
        # PyTorch's generator looks at 32 bits of its seed only: everything has to be mixed into those.
        mixed = np.random.SeedSequence([recipe.chunk_seed(chunk), step]).generate_state(1)
        generator = torch.Generator().manual_seed(int(mixed[0]))
        return torch.randn(shape, generator=generator)

    return draw


def _with_head(latents: Tensor, head: Tensor) -> Tensor:
    return torch.cat([head, latents[:, head.shape[1] :]], dim=1)
