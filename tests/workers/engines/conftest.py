"""Engines to be tested: each with what it needs to render here."""

import importlib
from pathlib import Path
from typing import Any

import pytest

from tests.workers.infinitetalk import rule
from workers.engines.inside import ENGINES

LIBRARIES = ("torch", "diffusers", "transformers")


@pytest.fixture(scope="session", name="tiny_weights")
def _tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tiny random weights in the original's layout. Skips where the model's libraries are not installed."""
    for library in LIBRARIES:
        pytest.importorskip(library, reason=rule.NEEDED)
    from workers.infinitetalk.weights import tiny

    root = tmp_path_factory.mktemp("weights")
    tiny.write(root)
    return root


@pytest.fixture(params=sorted(ENGINES))
def engine_and_equipment(request: pytest.FixtureRequest) -> tuple[Any, dict[str, object]]:
    """Every engine in turn, and what the owner of a machine sets for it."""
    equipment: dict[str, object] = {}
    if request.param == "gpu":
        equipment = {"weights": str(request.getfixturevalue("tiny_weights")), "device": "cpu"}
    module, attribute = ENGINES[request.param]
    return getattr(importlib.import_module(module), attribute)(), equipment
