"""Numbers on their way to whoever reads metrics, still by our own words for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Labels = tuple[str, ...]


@dataclass(frozen=True)
class Spread:
    """How often what was measured fell into each bucket, the endless one last, and its sum."""

    counts: Sequence[float]
    total: float


@dataclass(frozen=True)
class Figures:
    """What is to be written, by our own words: `counted` as the table holds it, `requests` by route and status."""

    levels: Mapping[str, Mapping[Labels, float]] = field(default_factory=dict)
    counted: Mapping[str, Mapping[Labels, float]] = field(default_factory=dict)
    requests: Mapping[Labels, Spread] = field(default_factory=dict)
