"""What the lines of a batch come to: how many are good and bad, what they cost, and what is needed to say how long."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from jobs import settings
from jobs.rules import durations, estimates
from jobs.rules.batches import PROBLEMS_SHOWN
from jobs.rules.catalog import MODELS, OUTPUT_MAX_SECONDS
from jobs.rules.estimates import Pace
from jobs.submission.wishes import Draft, price


@dataclass
class Span:
    """Seconds of video of some lines: at least, and at most."""

    least: float = 0.0
    most: float = 0.0


@dataclass
class Sheet:
    """Counts as lines are read; the lines themselves are in files of `folder`."""

    folder: Path
    jobs: int = 0
    bad: int = 0
    attachments: int = 0
    price_usd: Decimal = Decimal(0)
    most_usd: Decimal = Decimal(0)
    problems: list[dict[str, Any]] = field(default_factory=list)
    engines: Counter[str] = field(default_factory=Counter)
    videos: dict[tuple[str, str | None], Span] = field(default_factory=dict)
    """By engine and resolution."""

    @property
    def lines(self) -> int:
        return self.jobs + self.bad

    @property
    def paths(self) -> tuple[Path, Path, Path]:
        """Jobs, attachments and bad lines."""
        return self.folder / "jobs.copy", self.folder / "attachments.copy", self.folder / "bad-lines.jsonl"

    def count(self, taken: Draft, declared_seconds: float | None) -> None:
        """One more good line; without a declared length it may last from the least to the most that is sold."""
        row = taken.row
        resolution, order = row["inputs"].get("resolution"), str(row["inputs"].get("order", "meanwhile"))
        self.jobs += 1
        self.attachments += len(taken.attachments)
        self.engines[row["engine"]] += 1
        self.price_usd += taken.price_usd
        video = self.videos.setdefault((row["engine"], resolution), Span())
        if declared_seconds is None:
            self.most_usd += _most_usd(row["model"], resolution, row["engine"])
            video.least += settings.load().minimum_seconds
            video.most += OUTPUT_MAX_SECONDS
        else:
            seconds = durations.output_seconds(order, dict.fromkeys(MODELS[row["model"]].voices, declared_seconds))
            self.most_usd += taken.price_usd
            video.least += seconds
            video.most += seconds

    def count_bad(self, problem: dict[str, Any]) -> None:
        """One more bad line."""
        self.bad += 1
        if len(self.problems) < PROBLEMS_SHOWN:
            self.problems.append(problem)

    def estimate(self, paces: dict[tuple[str, str | None], Pace | None], slots: dict[str, int]) -> dict[str, Any]:
        """What it should cost, and how long it should take on the slots that are there: from the least to the most.

        Nothing is said of the time while an engine has no slot, or has not rendered anything like it yet.
        """
        least, most = defaultdict[str, float](float), defaultdict[str, float](float)
        is_known = all(paces.get(kind) is not None and slots.get(kind[0]) for kind in self.videos)
        for (engine, resolution), video in self.videos.items() if is_known else ():
            pace = paces[engine, resolution]
            assert pace is not None  # noqa: S101 - all of them are, or none is asked
            least[engine] += estimates.run_seconds(pace, video.least) / slots[engine]
            most[engine] += estimates.run_seconds(pace, video.most) / slots[engine]
        seconds = {"least": max(least.values(), default=0.0), "most": max(most.values(), default=0.0)}
        return {
            "price_usd": {"least": float(self.price_usd), "most": float(self.most_usd)},
            "seconds": {name: round(value, 1) for name, value in seconds.items()} if is_known and self.jobs else None,
        }


@cache
def _most_usd(model_id: str, resolution: str | None, engine: str) -> Decimal:
    """What the longest video costs."""
    model = MODELS[model_id]
    tracks = dict.fromkeys(model.voices, float(OUTPUT_MAX_SECONDS))
    return price(model, {"resolution": resolution}, engine, tracks)
