"""Weighs what the text and the voices ask for: which passes a step needs, and how their answers become one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from torch import Tensor


class Pass(Enum):
    """One run of the transformer. Each keeps caches of its own, under its value as a name."""

    FULL = "full"
    NO_TEXT = "no_text"
    NO_AUDIO = "no_audio"
    NONE = "none"

    @property
    def has_audio(self) -> bool:
        return self in {Pass.FULL, Pass.NO_TEXT}

    @property
    def has_text(self) -> bool:
        return self in {Pass.FULL, Pass.NO_AUDIO}


@dataclass(frozen=True)
class Projected:
    """Adaptive projected guidance: its momentum, and the norm above which a difference is scaled down."""

    momentum: float = -0.75
    norm_threshold: float = 55.0


@dataclass(frozen=True)
class Scales:
    """How strongly the text and the voices pull; 1 is not at all beyond what the model does by itself."""

    text: float = 5.0
    audio: float = 4.0
    projected: Projected | None = None

    @property
    def passes(self) -> tuple[Pass, ...]:
        """The passes of one step, the full one first: three, two without text guidance, one without any."""
        if self.text != 1:
            return (Pass.FULL, Pass.NO_TEXT, Pass.NONE)
        return (Pass.FULL, Pass.NO_AUDIO) if self.audio != 1 else (Pass.FULL,)


@dataclass
class Guide:
    """Combines the answers of a chunk's steps; with projection it remembers, so every chunk has its own."""

    scales: Scales
    _sums: dict[str, Tensor] = field(default_factory=dict)

    def combine(self, answers: Mapping[Pass, Tensor]) -> Tensor:
        full = answers[Pass.FULL]
        for term, weight, difference in self._terms(answers):
            full = full + weight * self._moved(term, difference, answers[Pass.FULL])
        return full

    def _terms(self, answers: Mapping[Pass, Tensor]) -> list[tuple[str, float, Tensor]]:
        """Each term's name, its weight beyond 1 and the difference it makes."""
        text, audio, full = self.scales.text - 1, self.scales.audio - 1, answers[Pass.FULL]
        if Pass.NO_AUDIO in answers:
            return [("audio", audio, full - answers[Pass.NO_AUDIO])]
        if Pass.NONE not in answers:
            return []
        no_text, none = answers[Pass.NO_TEXT], answers[Pass.NONE]
        return [("text", text, full - no_text), ("audio", audio, no_text - none)]

    def _moved(self, term: str, difference: Tensor, full: Tensor) -> Tensor:
        how = self.scales.projected
        if how is None:
            return difference
        total = difference + how.momentum * self._sums[term] if term in self._sums else difference
        self._sums[term] = total
        shrunk = total * (how.norm_threshold / total.norm().clamp_min(1e-12)).clamp(max=1.0)
        return _orthogonal(shrunk, full)


def _orthogonal(difference: Tensor, full: Tensor) -> Tensor:
    """Leave out of a difference what points along the full answer: that part only saturates colours."""
    direction, wide = full.double() / full.double().norm(), difference.double()
    return (wide - (wide * direction).sum() * direction).to(difference.dtype)
