"""Names the speakers a preview knows: who they are on the picture, in a sentence, and in which half they belong."""

from dataclasses import dataclass
from typing import Final

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Speaker:
    """`half` is the share of the picture's width where the model looks for this speaker, from and to."""

    tag: str
    name: str
    place: str
    colour: Colour
    half: tuple[float, float]

    @property
    def middle(self) -> float:
        return (self.half[0] + self.half[1]) / 2


LEFT: Final = Speaker("LEFT", "left speaker", "left half", (84, 188, 255), (0.0, 0.5))
RIGHT: Final = Speaker("RIGHT", "right speaker", "right half", (255, 176, 72), (0.5, 1.0))
ALONE: Final = Speaker("VOICE", "speaker", "picture", (120, 222, 150), (0.0, 1.0))


def speakers_of(voices: int) -> tuple[Speaker, ...]:
    """One voice speaks alone; of two, the first is the left one."""
    return (ALONE,) if voices == 1 else (LEFT, RIGHT)
