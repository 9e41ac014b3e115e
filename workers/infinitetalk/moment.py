"""What all blocks of one pass share: the voices heard, and who is where; diffusers hands blocks no more arguments.

A model therefore renders one thing at a time.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass
class Moment:
    """`audio` is latent frames x (speakers x tokens) x width; `classes` is classes x tokens of the first frame.

    `places` is rewritten by every block's self-attention for its audio attention. `maps`, if it is a list, keeps each
    block's attention map for whoever wants to look at them.
    """

    audio: Tensor = field(default_factory=lambda: torch.empty(0))
    classes: Tensor | None = None
    places: Tensor | None = None
    maps: list[Tensor] | None = None

    def begin(self, audio: Tensor, classes: Tensor | None) -> None:
        self.audio, self.classes, self.places = audio, classes, None

    def end(self) -> None:
        """Let go of the pass's tensors."""
        self.begin(torch.empty(0), None)
