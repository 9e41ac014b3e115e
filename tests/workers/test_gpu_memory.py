"""Promises about the memory of a worker's GPU; the driver's program is one of ours that answers by device."""

from pathlib import Path

import pytest

from jobs import settings
from workers import gpu_memory

DRIVER = """#!/bin/sh
case "$1" in
  --id=0) echo 100 ;;
  --id=3) echo 300 ;;
  --id=GPU-a1) echo '[N/A]' ;;
  *) echo "No devices were found"; exit 6 ;;
esac
"""


@pytest.fixture(autouse=True)
def _driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(DRIVER)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def used(monkeypatch: pytest.MonkeyPatch, **environment: str) -> int | None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings.load.cache_clear()
    try:
        return gpu_memory.used_bytes()
    finally:
        settings.load.cache_clear()


def test_the_driver_is_asked_about_the_workers_own_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    assert used(monkeypatch, DUOLOGUE_ENGINES="gpu,preview") == 100 * 2**20
    assert used(monkeypatch, DUOLOGUE_GPU_DEVICE="cuda:3") == 300 * 2**20
    assert used(monkeypatch, DUOLOGUE_GPU_DEVICE="cuda:1", CUDA_VISIBLE_DEVICES="2, 3") == 300 * 2**20


def test_where_there_is_no_gpu_or_no_answer_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert used(monkeypatch, DUOLOGUE_ENGINES="preview") is None
    assert used(monkeypatch, DUOLOGUE_ENGINES="gpu", DUOLOGUE_GPU_DEVICE="cpu") is None
    assert used(monkeypatch, DUOLOGUE_GPU_DEVICE="cuda:7") is None
    assert used(monkeypatch, DUOLOGUE_GPU_DEVICE="cuda", CUDA_VISIBLE_DEVICES="GPU-a1") is None


def test_a_machine_without_the_driver_is_no_trouble(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert used(monkeypatch, DUOLOGUE_ENGINES="gpu", PATH=str(tmp_path / "nowhere")) is None
