"""What the model sees of a reference frame: CLIP's features, and the condition it paints its video around."""

from dataclasses import dataclass, field

import torch
from diffusers import AutoencoderKLWan
from torch import Tensor
from torch.nn import functional
from transformers import CLIPVisionModel

from workers.infinitetalk import autoencoder
from workers.infinitetalk.audio_branch import FRAMES_PER_LATENT

_CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
_CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True)
class Sight:
    """`features` is 257 x width; `condition` 20 x latent frames x height x width: mask (4), then latents (16)."""

    features: Tensor
    condition: Tensor

    @property
    def head(self) -> Tensor:
        """The reference frame alone, as its one latent frame."""
        return self.condition[FRAMES_PER_LATENT:, :1]


@dataclass
class Eyes:
    """Looks at reference frames, and remembers the last: a still picture is looked at once."""

    image_encoder: CLIPVisionModel
    vae: AutoencoderKLWan
    chunk_frames: int
    _seen: tuple[Tensor, Sight] | None = field(default=None, init=False)

    def see(self, picture: Tensor) -> Sight:
        """Look at a picture (3 x height x width, -1 to 1)."""
        if self._seen is None or not torch.equal(self._seen[0], picture):
            condition = reference_condition(self.vae, picture, self.chunk_frames)
            self._seen = picture, Sight(look(self.image_encoder, picture), condition)
        return self._seen[1]


def look(image_encoder: CLIPVisionModel, picture: Tensor) -> Tensor:
    """Return what the last but one layer of CLIP says of the whole picture, squashed into its square."""
    size = image_encoder.config.image_size
    squashed = functional.interpolate(picture[None].float(), (size, size), mode="bicubic", align_corners=False)
    unit = squashed * 0.5 + 0.5
    normed = (unit - unit.new_tensor(_CLIP_MEAN).view(3, 1, 1)) / unit.new_tensor(_CLIP_STD).view(3, 1, 1)
    pixels = normed.to(image_encoder.embeddings.patch_embedding.weight)
    features: Tensor = image_encoder(pixels, output_hidden_states=True).hidden_states[-2][0]
    return features


def reference_condition(vae: AutoencoderKLWan, picture: Tensor, chunk_frames: int) -> Tensor:
    """Encode the reference and nothing after it, below a mask that marks only the first latent frame."""
    frames = functional.pad(picture[:, None], (0, 0, 0, 0, 0, chunk_frames - 1))
    latents = autoencoder.encode(vae, frames)
    mask = torch.zeros_like(latents[:FRAMES_PER_LATENT])
    mask[:, 0] = 1
    return torch.cat([mask, latents])
