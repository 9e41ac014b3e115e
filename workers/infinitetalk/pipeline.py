"""The model, speaking: chunk after chunk, each beginning with how the one before ended, at constant memory."""

from collections.abc import Generator
from dataclasses import dataclass

import torch
from diffusers import AutoencoderKLWan
from torch import Tensor
from transformers import CLIPVisionModel

from workers.infinitetalk import autoencoder, colour, timeline
from workers.infinitetalk.denoising import Given, Noise, denoise, seeded
from workers.infinitetalk.looking import Eyes
from workers.infinitetalk.progress import ChunkEnd, Event, Frames, State
from workers.infinitetalk.recipe import Recipe
from workers.infinitetalk.scene import Scene
from workers.infinitetalk.timeline import Chunk
from workers.infinitetalk.transformer import TalkTransformer


@dataclass(frozen=True)
class Models:
    """What is needed while rendering; text and voices have been encoded before."""

    transformer: TalkTransformer
    vae: AutoencoderKLWan
    image_encoder: CLIPVisionModel
    device: str = "cpu"


@torch.inference_mode()
def speak(
    models: Models, scene: Scene, recipe: Recipe, noise: Noise | None = None, state: State | None = None
) -> Generator[Event]:
    """Render the scene: yield every step, then the chunk's frames as they are decoded, then how to go on after it.

    Begins at `state`, if one is given, as if it had never stopped. To cancel, stop asking: nothing runs in between.
    Raises ValueError when the state belongs to another video.
    """
    stage = Stage(models, scene, recipe, Eyes(models.image_encoder, models.vae, recipe.span.chunk_frames))
    now = stage.beginning() if state is None else stage.checked(state)
    for chunk in timeline.chunks(scene.frames, recipe.span):
        if chunk.index < now.next_chunk:
            continue
        given = stage.given(chunk, now)
        latents = given.head
        for step in denoise(models.transformer, given, recipe, noise or seeded(recipe)):
            latents = step.latents
            yield step
        now = yield from stage.develop(chunk, now, latents)
        yield ChunkEnd(now)


@dataclass(frozen=True)
class Stage:
    """One video in the making: what its chunks begin with, and how their latents become frames."""

    models: Models
    scene: Scene
    recipe: Recipe
    eyes: Eyes

    def beginning(self) -> State:
        return State(0, 0, self.recipe.seed, self.scene.source.frame(0)[:, None][:, :0])

    def checked(self, state: State) -> State:
        fit = self.scene.source.fit
        tail = (3, self.recipe.span.motion_frames, fit.height, fit.width)
        if state.seed != self.recipe.seed or tuple(state.tail.shape) != tail:
            raise ValueError("The state to go on from belongs to another video: its seed, chunks or size differ.")
        return state

    def given(self, chunk: Chunk, now: State) -> Given:
        device, dtype = self.models.device, self.models.transformer.patch_embedding.weight.dtype
        sight = self.eyes.see(self.scene.source.frame(chunk.start).to(device))
        members = self.scene.members()
        return Given(
            chunk=chunk.index,
            sight=sight,
            head=autoencoder.encode(self.models.vae, now.tail.to(device)) if chunk.index else sight.head,
            windows=self.scene.windows(chunk, self.recipe.span).to(device, dtype),
            text=self.scene.prompt_at(chunk.start).padded.to(device, dtype),
            negative=self.scene.negative.padded.to(device, dtype),
            classes=None if members is None else members.to(device),
        )

    def develop(self, chunk: Chunk, now: State, latents: Tensor) -> Generator[Frames, None, State]:
        """Decode a chunk piece by piece, bring its colours back to the first frame's, hand out what is kept of it."""
        reference = self.scene.source.frame(0).to(self.models.device)
        tail, position, start = now.tail[:, :0], 0, now.frames
        for piece in autoencoder.decode(self.models.vae, latents):
            pictures = colour.match(piece, reference, self.recipe.colour).cpu()
            tail = torch.cat([tail, pictures], dim=1)[:, -self.recipe.span.motion_frames :]
            kept = pictures[:, max(0, chunk.kept.start - position) : max(0, chunk.kept.stop - position)]
            if kept.shape[1]:
                yield Frames(chunk.index, start, kept)
            position, start = position + pictures.shape[1], start + kept.shape[1]
        return State(chunk.index + 1, start, self.recipe.seed, tail)
