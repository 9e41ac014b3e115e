"""Tiny random weights for tests of whoever runs the model."""

from pathlib import Path

import pytest

from tests.workers.infinitetalk import rule


def written(root: Path) -> Path:
    """Write them; skip the test where the model's libraries are not installed."""
    for library in ("torch", "diffusers", "transformers"):
        pytest.importorskip(library, reason=rule.NEEDED)
    from workers.infinitetalk.weights import tiny

    tiny.write(root)
    return root
