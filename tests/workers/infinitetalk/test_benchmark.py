"""The benchmark for a machine with a GPU runs to its end without one, and states no figure that nobody measured."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workers.infinitetalk import rule

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "gpu.py"


def test_without_a_gpu_it_says_that_nothing_was_measured() -> None:
    alone = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    told = subprocess.run([sys.executable, str(SCRIPT)], env=alone, check=True, capture_output=True, text=True).stdout

    assert told.startswith("The model on a GPU: not measured")


def test_a_rehearsal_goes_through_passes_memory_and_decoding(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch", reason=rule.NEEDED)
    pytest.importorskip("diffusers", reason=rule.NEEDED)
    from benchmarks import gpu_passes

    assert gpu_passes.measure(gpu_passes.REHEARSAL) == 0
    told = capsys.readouterr().out
    assert "2 speaking" in told
    assert all(f"tiny {way}" in told for way in ("resident", "eight_bit", "offloaded", "decoding"))


def test_the_floor_is_that_of_the_published_model() -> None:
    pytest.importorskip("torch", reason=rule.NEEDED)
    pytest.importorskip("diffusers", reason=rule.NEEDED)
    from benchmarks.gpu_passes import REAL

    assert [REAL.tokens(size) for size in REAL.sizes] == [32_760, 73_920]
    assert [REAL.pass_flop(size) / 1e15 for size in REAL.sizes] == [
        pytest.approx(1.83, abs=0.01),
        pytest.approx(6.61, abs=0.01),
    ]
