"""What InfiniteTalk adds to Wan: the audio projector, and the attention by which a frame hears its own moment."""

from dataclasses import dataclass
from typing import Final

import torch
from diffusers.models.attention_dispatch import dispatch_attention_fn
from diffusers.models.normalization import FP32LayerNorm
from torch import Tensor, nn
from torch.nn import functional

from workers.infinitetalk import speakers
from workers.infinitetalk.timeline import WINDOW

FRAMES_PER_LATENT: Final = 4
"""The VAE makes one latent frame of four, but for the first, which stands alone."""

_MIDDLE: Final = WINDOW // 2


@dataclass(frozen=True)
class AudioShape:
    """Sizes of the audio branch; the defaults are the published model's."""

    layers: int = 12
    channels: int = 768
    hidden: int = 512
    tokens: int = 32
    width: int = 768

    @property
    def first_inputs(self) -> int:
        return WINDOW * self.layers * self.channels

    @property
    def later_inputs(self) -> int:
        # The first frame's left half and centre, the centres of the inner frames, the last one's centre and right half.
        return (2 * (_MIDDLE + 1) + FRAMES_PER_LATENT - 2) * self.layers * self.channels


PUBLISHED: Final = AudioShape()


class AudioProjector(nn.Module):
    """Turns the embeddings around each video frame into 32 tokens per speaker and latent frame."""

    def __init__(self, shape: AudioShape) -> None:
        super().__init__()
        self.shape = shape
        self.proj1 = nn.Linear(shape.first_inputs, shape.hidden)
        self.proj1_vf = nn.Linear(shape.later_inputs, shape.hidden)
        self.proj2 = nn.Linear(shape.hidden, shape.hidden)
        self.proj3 = nn.Linear(shape.hidden, shape.tokens * shape.width)
        self.norm = FP32LayerNorm(shape.width)

    def forward(self, windows: Tensor) -> Tensor:
        """From speakers x frames x 5 x layers x channels to latent frames x (speakers x tokens) x width."""
        heard = windows.to(self.proj1.weight)
        first = self.proj1(heard[:, :1].flatten(2))
        later = self.proj1_vf(_later(heard[:, 1:]).flatten(2))
        hidden = functional.relu(torch.cat([first, later], dim=1))
        hidden = self.proj3(functional.relu(self.proj2(hidden)))
        tokens = self.norm(hidden.unflatten(-1, (self.shape.tokens, self.shape.width)))
        return torch.cat(tokens.unbind(0), dim=1)


class AudioAttention(nn.Module):
    """Cross-attention of each frame's tokens to the voices of that frame alone, all speakers in one softmax."""

    def __init__(self, dim: int, heads: int, shape: AudioShape) -> None:
        super().__init__()
        self.heads = heads
        self.tokens = shape.tokens
        self.q_linear = nn.Linear(dim, dim)
        self.kv_linear = nn.Linear(shape.width, 2 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, hidden: Tensor, audio: Tensor, places: Tensor | None = None) -> Tensor:
        """From 1 x tokens x dim; `places` (tokens) tells the speakers apart, and is needed from two on."""
        frames = len(audio)
        query = self.q_linear(hidden).unflatten(1, (frames, -1)).squeeze(0).unflatten(-1, (self.heads, -1))
        key, value = self.kv_linear(audio).unflatten(-1, (2, self.heads, -1)).unbind(2)
        if places is not None:
            query = speakers.turn(query, places.unflatten(0, (frames, -1)))
            centres = speakers.centres(audio.shape[1] // self.tokens, self.tokens, audio.device)
            key = speakers.turn(key, centres)
        heard = dispatch_attention_fn(query, key, value)
        return self.proj(heard.flatten(2).flatten(0, 1)[None])


def _later(windows: Tensor) -> Tensor:
    """From speakers x 4n x 5 x ... to speakers x n x 8 x ...: what each latent frame's four frames hear, once."""
    groups = windows.unflatten(1, (-1, FRAMES_PER_LATENT))
    left = groups[:, :, 0, : _MIDDLE + 1]
    inner = groups[:, :, 1:-1, _MIDDLE]
    right = groups[:, :, -1, _MIDDLE:]
    return torch.cat([left, inner, right], dim=2)
