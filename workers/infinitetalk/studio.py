"""Everything loaded and in its place: from a folder of weights to a model that can be asked for videos."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

import torch
from transformers import AutoTokenizer

from workers.infinitetalk import residency as residencies
from workers.infinitetalk.pipeline import Models
from workers.infinitetalk.residency import Residency
from workers.infinitetalk.speed import Speed, quicken
from workers.infinitetalk.staging import Ears
from workers.infinitetalk.weights import loading
from workers.infinitetalk.weights.layout import Layout
from workers.infinitetalk.weights.loading import Home
from workers.infinitetalk.weights.lora import Lora


@dataclass(frozen=True)
class Furnishing:
    """Where and how the models live. The audio encoder stays in float32; the autoencoder does unless told otherwise."""

    device: str = "cpu"
    dtype: torch.dtype = torch.float32
    vae_dtype: torch.dtype = torch.float32
    residency: Residency = Residency.RESIDENT
    speed: Speed = field(default_factory=Speed)


@dataclass(frozen=True)
class Studio:
    models: Models
    ears: Ears

    @classmethod
    def open(cls, layout: Layout, how: Furnishing, loras: Iterable[Lora] = ()) -> Self:
        """Check and load everything. Raises WeightsError with a sentence for what does not fit."""
        small, exact = Home(how.device, how.dtype), Home(how.device)
        reading = small if how.residency.keeps_text_encoder else Home("cpu", how.dtype)
        stays = how.residency is Residency.RESIDENT
        transformer = loading.load(layout.transformer, Home(how.device if stays else "cpu", how.dtype), loras)
        residencies.move_in(transformer, how.residency, how.device)
        quicken(transformer, how.speed)
        image_encoder = loading.load(layout.image_encoder, small)
        vae = loading.load(layout.vae, Home(how.device, how.vae_dtype))
        models = Models(transformer, vae, image_encoder, how.device)
        ears = Ears(
            text_encoder=loading.load(layout.text_encoder, reading),
            tokenizer=AutoTokenizer.from_pretrained(str(layout.tokenizer), local_files_only=True),
            audio_encoder=loading.load(layout.audio_encoder, exact),
            zero_mean=layout.zero_mean,
            dtype=how.dtype,
        )
        return cls(models, ears)
