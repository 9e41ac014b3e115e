"""Everything a video is made of, encoded: what is seen, what is said and asked for, and who is where."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from workers.infinitetalk import timeline
from workers.infinitetalk.masks import Masks
from workers.infinitetalk.sizes import Fit
from workers.infinitetalk.timeline import Chunk, Span
from workers.infinitetalk.transformer import TEXT_TOKENS


class Source(Protocol):
    """A still picture or a video; `frame` gives frame `index` of the result's 25 a second, as the bucket wants it.

    `size` is the height and width it had, `fit` how it became the bucket's.
    """

    @property
    def size(self) -> tuple[int, int]: ...

    @property
    def fit(self) -> Fit: ...

    def frame(self, index: int) -> Tensor:
        """Return 3 x height x width, float32, -1 to 1; past the end, the last."""


@dataclass(frozen=True)
class Prompt:
    """A text from a frame on: `tokens` x width, at most 512, no padding."""

    embeddings: Tensor
    start: int = 0

    @property
    def padded(self) -> Tensor:
        return functional.pad(self.embeddings, (0, 0, 0, TEXT_TOKENS - len(self.embeddings)))


@dataclass(frozen=True)
class Scene:
    """`voices` is speakers x audio frames x layers x channels; `classes` (masks on the token grid) only from two on.

    `frames` is how long the video becomes; it may be shorter than the audio, never longer. `prompts` stand in the
    order of their starts, the first at 0.
    """

    source: Source
    voices: Tensor
    prompts: Sequence[Prompt]
    negative: Prompt
    frames: int
    classes: Masks | None = None

    def prompt_at(self, frame: int) -> Prompt:
        return [prompt for prompt in self.prompts if prompt.start <= frame][-1]

    def windows(self, chunk: Chunk, span: Span) -> Tensor:
        """What each of the chunk's frames hears: speakers x frames x 5 x layers x channels."""
        heard = timeline.windows(chunk.start, span.chunk_frames, self.voices.shape[1])
        return self.voices[:, torch.from_numpy(heard)]

    def members(self) -> Tensor | None:
        return None if self.classes is None else torch.from_numpy(self.classes).flatten(1)
