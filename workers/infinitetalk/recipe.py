"""How a video is to be made: chunk lengths, steps, guidance, colours and chance; and the presets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from diffusers import FlowMatchEulerDiscreteScheduler

from workers.infinitetalk import schedule
from workers.infinitetalk.guidance import Scales
from workers.infinitetalk.timeline import Span


@dataclass(frozen=True)
class Recipe:
    """The defaults are the original's at 480p. `seeds` overrides the seed of single chunks, by their index.

    `strides` says where the noise levels lie: as the original's, evenly, or whichever fits the number of steps.
    With `fresh_noise` every step guesses the end and noises it anew, as few-step models were taught to.
    """

    span: Span = field(default_factory=Span)
    steps: int = 40
    shift: float = 7.0
    scales: Scales = field(default_factory=Scales)
    strides: Literal["fitting", "original", "even"] = "fitting"
    fresh_noise: bool = False
    colour: float = 1.0
    seed: int = 0
    seeds: Mapping[int, int] = field(default_factory=dict)

    def schedule(self) -> FlowMatchEulerDiscreteScheduler:
        return _STRIDES[self.strides](self.steps, self.shift)

    def chunk_seed(self, index: int) -> int:
        """Return a seed for the chunk alone, so that it comes out the same whoever made the one before."""
        return self.seeds.get(index, self.seed + index)


STANDARD: Final = Recipe()
STANDARD_720: Final = Recipe(shift=11.0)
FEW_STEPS: Final = Recipe(steps=8, shift=2.0, scales=Scales(text=1.0, audio=2.0))
"""For weights with a few-step LoRA merged in."""

FAST: Final = Recipe(
    Span(33, 5), steps=4, shift=5.0, scales=Scales(text=1.0, audio=1.0), strides="even", fresh_noise=True
)
"""For SoulX-FlashTalk's weights, which need neither guidance nor more steps."""

PRESETS: Final[Mapping[str, Recipe]] = {
    "standard": STANDARD,
    "standard-720p": STANDARD_720,
    "few-steps": FEW_STEPS,
    "fast": FAST,
}

_STRIDES: Final = {"fitting": schedule.fitting, "original": schedule.original, "even": schedule.even}
