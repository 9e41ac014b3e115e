"""What weights were made for, where their folder says so: other sizes, chunks and steps than the published ones."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from workers.infinitetalk import sizes
from workers.infinitetalk.recipe import Recipe
from workers.infinitetalk.sizes import BucketTable
from workers.infinitetalk.timeline import Span
from workers.infinitetalk.weights.headers import WeightsError

FILE_NAME: Final = "made-for.json"


@dataclass(frozen=True)
class MadeFor:
    """`tables` are the sizes of each resolution; `span` and `steps` replace a preset's where they are set."""

    tables: Mapping[str, BucketTable] = field(default_factory=lambda: sizes.TABLES)
    span: Span | None = None
    steps: int | None = None

    def adapted(self, recipe: Recipe) -> Recipe:
        return replace(recipe, span=self.span or recipe.span, steps=self.steps or recipe.steps)


def write(root: Path, made_for: MadeFor) -> None:
    """Say it in the folder."""
    told = {
        "sizes": {name: [list(size) for size in table.values()] for name, table in made_for.tables.items()},
        "chunk_frames": made_for.span and made_for.span.chunk_frames,
        "motion_frames": made_for.span and made_for.span.motion_frames,
        "steps": made_for.steps,
    }
    (root / FILE_NAME).write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


def read(root: Path) -> MadeFor:
    """Read what the folder says; the published sizes if it says nothing. Raises WeightsError."""
    path = root / FILE_NAME
    if not path.is_file():
        return MadeFor()
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        tables = {
            name: {height / width: (height, width) for height, width in told["sizes"][name]} for name in sizes.TABLES
        }
        span = Span(told["chunk_frames"], told["motion_frames"]) if told["chunk_frames"] else None
        return MadeFor(tables, span, told["steps"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{FILE_NAME} cannot be used: {error!r}.") from error
