"""Makes a scene of what is asked for: listened to, read, and everybody in their place."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from transformers import PreTrainedTokenizerBase, UMT5EncoderModel, Wav2Vec2Model

from workers.infinitetalk import hearing, masks, pictures, prompts, sound, tracks
from workers.infinitetalk.loudness import Samples
from workers.infinitetalk.masks import Masks
from workers.infinitetalk.pictures import Pixels
from workers.infinitetalk.recipe import Recipe
from workers.infinitetalk.scene import Prompt, Scene, Source
from workers.infinitetalk.shoot import Shoot
from workers.infinitetalk.sizes import FRAMES_PER_SECOND, Fit
from workers.infinitetalk.tracks import SAMPLE_RATE


@dataclass(frozen=True)
class Ears:
    """What listens and reads before rendering. `zero_mean` belongs to the audio encoder's files.

    What was heard is kept in `dtype`, the transformer's own: ten minutes of a voice are 280 MB in 16 bit, 550 MB in 32.
    """

    text_encoder: UMT5EncoderModel
    tokenizer: PreTrainedTokenizerBase
    audio_encoder: Wav2Vec2Model
    zero_mean: bool = False
    dtype: torch.dtype = torch.float32


def stage(shoot: Shoot, source: Source, frames: int, recipe: Recipe, ears: Ears) -> Scene:
    """Make the scene, so many frames long. Raises ValueError when nobody says anything, or boxes are too few."""
    classes = cast(shoot, source)
    return Scene(
        source=source,
        voices=listen(shoot, 1 if classes is None else len(classes) - 1, recipe, ears),
        prompts=[Prompt(_read(ears, text), start) for start, text in sorted(shoot.prompts.items())],
        negative=Prompt(_read(ears, shoot.negative)),
        frames=frames,
        classes=classes,
    )


def cast(shoot: Shoot, source: Source) -> Masks | None:
    """Say who is where, on the token grid; None for one speaker who has the picture to themselves."""
    drawn = _drawn(shoot, *source.size)
    return None if drawn is None else masks.to_tokens(masks.to_latents(drawn, source.fit))


def listen(shoot: Shoot, speakers: int, recipe: Recipe, ears: Ears) -> Tensor:
    """Return speakers x frames x layers x channels; whoever has a mask and no voice hears silence."""
    heard = [None if path is None else sound.as_floats(sound.read(path, SAMPLE_RATE)) for path in shoot.voices]
    arranged = tracks.arrange(heard, shoot.order)
    silence = [np.zeros(len(arranged[0]), np.float32)] * (speakers - len(arranged))
    # A track shorter than a chunk is followed by silence, not by itself backwards.
    shortest = -(-recipe.span.chunk_frames * SAMPLE_RATE // FRAMES_PER_SECOND)
    padded = [tracks.padded(track, shortest) for track in (*arranged, *silence)]
    return torch.stack([_heard(track, ears) for track in padded])


def open_picture(path: Path) -> Pixels:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def _drawn(shoot: Shoot, height: int, width: int) -> Masks | None:
    speakers = len(shoot.voices)
    if shoot.boxes:
        if len(shoot.boxes) != speakers:
            raise ValueError(f"There are {speakers} voices and {len(shoot.boxes)} boxes: each needs one.")
        drawn = masks.of_boxes(height, width, shoot.boxes)
        return drawn if speakers > 1 else masks.with_silent_rest(drawn[0])
    if shoot.mask is not None:
        return masks.of_picture(_open_mask(shoot.mask, height, width), speakers)
    if speakers > 2:  # noqa: PLR2004 - a picture has two halves
        raise ValueError(f"{speakers} voices need a box each: only two can share a picture by halves.")
    return masks.of_halves(height, width) if speakers > 1 else None


def _open_mask(path: Path, height: int, width: int) -> Pixels:
    with Image.open(path) as image:
        grey = np.asarray(image.convert("L"))
    return pictures.cover_nearest(grey, Fit(height, width, height, width, 0, 0))


def _heard(track: Samples, ears: Ears) -> Tensor:
    return hearing.listen(ears.audio_encoder, track, zero_mean=ears.zero_mean).to(ears.dtype)


def _read(ears: Ears, text: str) -> Tensor:
    return prompts.encode(ears.text_encoder, ears.tokenizer, text)
