"""Makes weights, inputs and pictures out of their names, so that recorded numbers need no recorded inputs."""

import json
import os
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

PARITY = Path(__file__).with_name("parity")

NEEDED = "needs the libraries of the model: `make torch`, or pip install -r requirements/gpu.txt"


@dataclass(frozen=True)
class Measured:
    """One comparison with recorded numbers: largest and relative differences, and what is allowed of each."""

    test: str
    largest: float
    largest_allowed: float
    relative: float
    relative_allowed: float


MEASURED: list[Measured] = []
"""Every comparison of this run, for the table at its end."""

Floats = npt.NDArray[np.float32]


@cache
def cases(name: str) -> Any:  # noqa: ANN401 - what a JSON file holds
    return json.loads((PARITY / f"{name}.json").read_text(encoding="utf-8"))


@cache
def arrays(name: str) -> dict[str, npt.NDArray[Any]]:
    with np.load(PARITY / f"{name}.npz") as recorded:
        return dict(recorded)


def uniform(name: str, *shape: int) -> npt.NDArray[np.float64]:
    """From -1 to 1: splitmix64 with the CRC-32 of the name in the upper half of the counter."""
    mixed = np.arange(1, int(np.prod(shape)) + 1, dtype=np.uint64)
    mixed = (np.uint64(zlib.crc32(name.encode()) << 32) + mixed) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed = (mixed ^ (mixed >> np.uint64(31))) >> np.uint64(11)
    return (mixed.astype(np.float64) * 2.0**-52 - 1.0).reshape(shape)


def weight(seed: str, name: str, shape: tuple[int, ...], gain: float = 1.0) -> Floats:
    """One tensor of a checkpoint."""
    values, leaf = uniform(f"{seed}/{name}", *shape), name.rsplit(".", 1)[-1]
    if leaf == "bias":
        values = 0.1 * values
    elif leaf in {"gamma", "weight_g"} or (leaf == "weight" and len(shape) == 1):
        values = 1.0 + 0.1 * values
    elif leaf in {"modulation", "cls_embedding", "pos_embedding"}:
        values = 0.5 * values
    else:
        values = gain * np.sqrt(3.0 / np.prod(shape[1:])) * values
    return values.astype(np.float32)


def signal(seed: str, name: str, *shape: int) -> Floats:
    """Inputs and noise: mean 0, variance 1."""
    return (np.sqrt(3.0) * uniform(f"{seed}/{name}", *shape)).astype(np.float32)


def picture(seed: str, name: str, rows: int, columns: int, cell: int) -> npt.NDArray[np.uint8]:
    """RGB, in squares of one colour."""
    squares = np.floor((uniform(f"{seed}/{name}", rows, columns, 3) + 1.0) * 128.0).astype(np.uint8)
    return squares.repeat(cell, 0).repeat(cell, 1)


def checkpoint(seed: str, shapes: dict[str, list[int]], gain: float = 1.0) -> dict[str, Floats]:
    return {name: weight(seed, name, tuple(shape), gain) for name, shape in shapes.items()}


def assert_near(found: npt.ArrayLike, recorded: npt.NDArray[Any], largest: float, relative: float) -> None:
    """Within the largest absolute difference, and the L2 difference relative to the recorded norm."""
    wanted = np.asarray(recorded, np.float64)
    difference = np.asarray(found, np.float64) - wanted
    assert difference.shape == wanted.shape
    worst, whole = np.abs(difference).max(), np.linalg.norm(difference) / np.linalg.norm(wanted)
    MEASURED.append(Measured(os.environ["PYTEST_CURRENT_TEST"], float(worst), largest, float(whole), relative))
    assert worst <= largest, f"largest difference {worst:.2e}, allowed {largest:.0e}"
    assert whole <= relative, f"relative difference {whole:.2e}, allowed {relative:.0e}"
