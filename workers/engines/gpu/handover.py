"""What of an unfinished video goes from one rendering to the next: its chunks, and how to go on after the last."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from workers.engines.engine import Keep
from workers.engines.gpu.plan import Plan
from workers.infinitetalk.rendering import Take
from workers.infinitetalk.sizes import Fit

FACTS: Final = "facts.json"
"""How the video is made. One that is made otherwise cannot go on from these chunks."""

STATE: Final = "state.safetensors"


def facts_of(plan: Plan, fit: Fit, frames: int) -> Mapping[str, Any]:
    """All that must be the same for chunks to belong to one video, beside the order itself."""
    made = {
        "recipe": asdict(plan.recipe),
        "variant": plan.variant,
        "loras": [[lora.path.name, lora.strength] for lora in plan.loras],
        "size": [fit.height, fit.width],
        "frames": frames,
    }
    told: Mapping[str, Any] = json.loads(json.dumps(made))  # as it will be read
    return told


def take_over(kept: Path | None, folder: Path, facts: Mapping[str, Any]) -> Take:
    """Begin where another rendering stopped; anew where there was none, or one that made another video."""
    if kept is not None and (kept / FACTS).is_file() and json.loads((kept / FACTS).read_text()) == facts:
        return Take(kept)
    folder.mkdir()
    (folder / FACTS).write_text(json.dumps(facts), encoding="utf-8")
    return Take(folder)


def is_whole(take: Take, chunks: int) -> bool:
    """Whether nothing is left to render: the last one was cut off while its video was joined or stored."""
    state = take.state()
    return state is not None and state.next_chunk >= chunks


def hand_over(take: Take, chunk: int, keep: Keep, folder: Path) -> None:
    """Give away a finished chunk and the state after it: as links, for what is given away is the taker's to remove."""
    folder.mkdir(exist_ok=True)
    names = [FACTS, take.segment(chunk).name, STATE]
    links = {name: folder / f"{chunk}-{name}" for name in names}
    for name, link in links.items():
        os.link(take.folder / name, link)
    keep(links)
