"""Finds out whether an engine can render on this machine, before anybody's job depends on it.

Started as `python -m workers.engines.fitness ENGINE`, with the equipment as JSON on standard input; answers in one line
of JSON on what was standard output: whether it is fit, and a sentence.
"""

import importlib
import json
import sys
from collections.abc import Mapping
from typing import Final

from jobs.errors import EngineError
from workers.engines.inside import ENGINES, die_with_parent, load, take_over_stdout

CHECKS: Final = {"gpu": "workers.engines.gpu.fitness"}
"""Where each engine that depends on its machine has a `check(equipment)`: a sentence, or EngineError."""

_DECODERS: Final = ("workers.intake.films", "workers.intake.pictures", "workers.intake.sounds")
"""What every job needs here beside its engine. A library that is broken ends this child, and its last words say so."""


def main() -> None:
    die_with_parent()
    messages = take_over_stdout()
    equipment = json.loads(sys.stdin.readline())
    try:
        answer = {"fit": True, "sentence": _check(sys.argv[1], equipment)}
    except EngineError as error:
        answer = {"fit": False, "sentence": str(error)}
    messages.write(json.dumps(answer) + "\n")
    messages.flush()


def _check(engine: str, equipment: Mapping[str, object]) -> str:
    sentence = f"{engine} renders on any machine"
    if engine in CHECKS:
        sentence = importlib.import_module(CHECKS[engine]).check(equipment)
    if engine in ENGINES:
        load(engine)
    for decoder in _DECODERS:
        importlib.import_module(decoder)
    return sentence


if __name__ == "__main__":
    main()
