"""Turns a voice into what the model listens to: for every video frame the output of every layer of wav2vec2.

The audio encoder's own pace (49 steps a second) is stretched to 25 a second before its transformer sees it.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Final, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional
from transformers import Wav2Vec2Model

from workers.infinitetalk.loudness import Samples
from workers.infinitetalk.sizes import FRAMES_PER_SECOND, frame_count
from workers.infinitetalk.tracks import SAMPLE_RATE

WHOLE_SECONDS: Final = 180
"""Up to here the encoder hears a track at once; more would need gigabytes, as its first layer keeps 3,200 steps/s."""

_PIECE_SECONDS: Final = 60
_CONTEXT_SECONDS: Final = 4
"""What a piece hears of its neighbours on either side, so that its own frames know what was being said."""


class Piece(NamedTuple):
    """Seconds of a long track: what is heard, and what of that is kept."""

    heard_from: int
    heard_to: float
    kept_from: int
    kept_to: float


def listen(encoder: Wav2Vec2Model, samples: Samples, *, zero_mean: bool = False) -> Tensor:
    """Return frames x layers x channels (float32, CPU) for a 16 kHz track, int(seconds x 25) frames.

    `zero_mean` is `do_normalize` of the encoder's preprocessor_config.json.
    """
    track = torch.from_numpy(samples)
    if zero_mean:
        track = (track - track.mean()) / (track.var(correction=0) + 1e-7).sqrt()
    seconds = len(samples) / SAMPLE_RATE
    if seconds <= WHOLE_SECONDS:
        return _embeddings(encoder, track, frame_count(seconds))
    return torch.cat([_piece(encoder, track, piece) for piece in pieces(seconds)])


def pieces(seconds: float) -> list[Piece]:
    """Cut a long track into pieces that begin on whole seconds and overlap; the last may be twice as long."""
    count = max(1, int(seconds) // _PIECE_SECONDS)
    cuts = [float(index * _PIECE_SECONDS) for index in range(count)] + [seconds]
    return [
        Piece(max(0, int(start) - _CONTEXT_SECONDS), min(seconds, end + _CONTEXT_SECONDS), int(start), end)
        for start, end in pairwise(cuts)
    ]


def stretched(features: Tensor, frames: int) -> Tensor:
    """Stretch steps x channels to so many frames, linearly, first and last step kept."""
    stretch = functional.interpolate(features.T[None], size=frames, mode="linear", align_corners=True)
    return stretch[0].T


def _piece(encoder: Wav2Vec2Model, track: Tensor, piece: Piece) -> Tensor:
    heard = track[piece.heard_from * SAMPLE_RATE : round(piece.heard_to * SAMPLE_RATE)]
    embeddings = _embeddings(encoder, heard, frame_count(piece.heard_to) - piece.heard_from * FRAMES_PER_SECOND)
    offset = piece.heard_from * FRAMES_PER_SECOND
    return embeddings[piece.kept_from * FRAMES_PER_SECOND - offset : frame_count(piece.kept_to) - offset]


@torch.inference_mode()
def _embeddings(encoder: Wav2Vec2Model, track: Tensor, frames: int) -> Tensor:
    weight = encoder.feature_projection.projection.weight
    features = encoder.feature_extractor(track[None].to(weight))[0].T
    hidden, _ = encoder.feature_projection(stretched(features, frames)[None])
    # What `output_hidden_states` returns changed between versions of transformers; what a layer returns did not.
    outputs: list[Tensor] = []
    hooks = [layer.register_forward_hook(_keeper(outputs)) for layer in encoder.encoder.layers]
    try:
        encoder.encoder(hidden)
    finally:
        for hook in hooks:
            hook.remove()
    return torch.stack(outputs, dim=1).float().cpu()


def _keeper(outputs: list[Tensor]) -> Callable[[object, object, Tensor | tuple[Tensor, ...]], None]:
    def keep(_layer: object, _inputs: object, output: Tensor | tuple[Tensor, ...]) -> None:
        outputs.append((output[0] if isinstance(output, tuple) else output)[0])

    return keep
