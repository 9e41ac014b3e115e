"""Whether this machine can render with an engine: looked at before the first claim, and again after any doubt."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from jobs import events, settings
from jobs.settings.gpu import GpuSettings
from workers import scratch
from workers.engines import child
from workers.engines.fitness import CHECKS

_AGAIN_SECONDS: Final = 60.0
"""How soon a machine that could not render is looked at again."""
_MOST_SECONDS: Final = 600.0
_LAST_WORDS: Final = 300


@dataclass(frozen=True)
class Standing:
    """What was found, in a sentence, and when."""

    is_fit: bool
    sentence: str
    found_at: float


_standings: dict[str, Standing] = {}
_begun_at: dict[str, float] = {}
"""When each look began that has not ended."""
_doubted: set[str] = set()
"""Engines that render anywhere are looked at too, once a job has failed for the machine's fault."""
_looking = threading.Lock()


def is_fit(engine: str) -> bool:
    """Whether jobs of `engine` may be claimed here. May take as long as starting the engine does, once."""
    if not scratch.has_room():
        return False
    if engine not in CHECKS and engine not in _doubted:
        return True
    with _looking:  # the other slots of this worker wait for the one answer
        standing = _standings.get(engine)
        if standing is None or (not standing.is_fit and time.monotonic() - standing.found_at > _AGAIN_SECONDS):
            _begun_at[engine] = time.monotonic()
            standing = examine(engine)
            _note(engine, standing)
        return standing.is_fit


def serving(engines: Sequence[str]) -> list[str]:
    """Those of `engines` that are not known to be unfit here; waits for nobody who looks."""
    if not scratch.had_room():
        return []
    for engine, begun_at in list(_begun_at.items()):
        if time.monotonic() - begun_at > _MOST_SECONDS:  # a driver that hangs lets nobody go, not even who gives up
            _note(engine, _no_answer())
    found = {engine: _standings.get(engine) for engine in engines}
    return [engine for engine, standing in found.items() if standing is None or standing.is_fit]


def doubt(engine: str) -> None:
    """Have the machine looked at again before the next claim: it failed a job."""
    with _looking:
        _standings.pop(engine, None)
        _doubted.add(engine)


def examine(engine: str) -> Standing:
    """Look now, in a child, which may crash or hang as it likes."""
    try:
        looked = subprocess.run(
            [sys.executable, "-m", "workers.engines.fitness", engine],
            input=json.dumps(equipment(engine)) + "\n",
            capture_output=True,
            text=True,
            errors="replace",  # a driver may say anything
            timeout=_MOST_SECONDS,
            check=False,
            start_new_session=True,
            env=child.environment(),
        )
    except subprocess.TimeoutExpired:
        return _no_answer()
    except OSError as error:
        return Standing(is_fit=False, sentence=f"it cannot be looked at: {error.strerror}", found_at=time.monotonic())
    try:
        answer = json.loads(looked.stdout)
    except json.JSONDecodeError:
        words = looked.stderr.strip()[-_LAST_WORDS:]
        answer = {"fit": False, "sentence": f"the check ended with status {looked.returncode}: {words}"}
    return Standing(answer["fit"], answer["sentence"], time.monotonic())


def equipment(engine: str) -> Mapping[str, object]:
    """What the owner of this machine set for an engine, for its children, which know no settings."""
    if engine != "gpu":
        return {}
    chosen = settings.load()
    return {name.removeprefix("gpu_"): getattr(chosen, name) for name in GpuSettings.model_fields}


def _note(engine: str, standing: Standing) -> None:
    _standings[engine] = standing
    _begun_at.pop(engine, None)
    if standing.is_fit:
        events.emit("engine.fit", engine=engine, reason=standing.sentence)
    else:
        events.emit("engine.unfit", engine=engine, reason=standing.sentence)


def _no_answer() -> Standing:
    return Standing(is_fit=False, sentence=f"no answer within {_MOST_SECONDS:.0f} s", found_at=time.monotonic())
