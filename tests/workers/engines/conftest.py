"""Engines to be tested: each with what it needs to render here."""

import importlib
from pathlib import Path
from typing import Any

import pytest

from tests.workers.infinitetalk import tiny_weights
from workers.engines.inside import ENGINES


@pytest.fixture(scope="session", name="tiny_weights")
def _tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_weights.written(tmp_path_factory.mktemp("weights"))


@pytest.fixture(params=sorted(ENGINES))
def engine_and_equipment(request: pytest.FixtureRequest) -> tuple[Any, dict[str, object]]:
    """Every engine in turn, and what the owner of a machine sets for it."""
    equipment: dict[str, object] = {}
    if request.param == "gpu":
        equipment = {"weights": str(request.getfixturevalue("tiny_weights")), "device": "cpu"}
    module, attribute = ENGINES[request.param]
    return getattr(importlib.import_module(module), attribute)(), equipment
