"""Reads what a weights file holds, names and shapes, without reading the tensors; never runs what a pickle says."""

import json
import pickle
import struct
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

Shapes = Mapping[str, tuple[int, ...]]

_HEADER_MAX_BYTES: Final = 100_000_000
_LENGTH_BYTES: Final = 8


class WeightsError(ValueError):
    """The weights cannot be used; the message says which file and why, in a sentence."""


def read(files: Iterable[Path]) -> Shapes:
    """Return the shape of every tensor in the files together. Raises WeightsError."""
    shapes: dict[str, tuple[int, ...]] = {}
    for file in files:
        found = _safetensors(file) if file.suffix == ".safetensors" else _pickle(file)
        twice = sorted(shapes.keys() & found.keys())
        if twice:
            raise WeightsError(f"{file.name} holds {twice[0]}, which another file of the same part holds as well.")
        shapes.update(found)
    return shapes


def tensors(file: Path) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors of a file one by one, on the CPU, mapped from the disk rather than read at once."""
    if file.suffix == ".safetensors":
        from safetensors import safe_open

        with safe_open(file, framework="pt") as opened:
            for name in opened.keys():  # noqa: SIM118 - it is no mapping, it only has keys
                yield name, opened.get_tensor(name)
    else:
        yield from _load(file, "cpu").items()


def _safetensors(file: Path) -> dict[str, tuple[int, ...]]:
    """Parse the header: eight bytes of length, then JSON."""
    try:
        with file.open("rb") as opened:
            (length,) = struct.unpack("<Q", opened.read(_LENGTH_BYTES))
            if length > _HEADER_MAX_BYTES:
                raise WeightsError(f"{file.name} is no safetensors file: its header would be {length} bytes long.")
            header: dict[str, Any] = json.loads(opened.read(length))
    except (OSError, struct.error, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise WeightsError(f"{file.name} is no whole safetensors file: {error}.") from error
    held = {name: told for name, told in header.items() if name != "__metadata__"}
    _refuse_cut_off(file, _LENGTH_BYTES + length + max((told["data_offsets"][1] for told in held.values()), default=0))
    return {name: tuple(told["shape"]) for name, told in held.items()}


def _refuse_cut_off(file: Path, expected: int) -> None:
    size = file.stat().st_size
    if size != expected:
        raise WeightsError(f"{file.name} is {size} bytes long and should be {expected}: the download is not whole.")


def _pickle(file: Path) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in _load(file, "meta").items()}


def _load(file: Path, device: str) -> dict[str, Tensor]:
    """Load only tensors and plain containers; the old format of torch cannot be mapped, the new one is."""
    for mapped in (True, False):
        try:
            held = torch.load(file, map_location=device, weights_only=True, mmap=mapped)
        except pickle.UnpicklingError as error:
            raise WeightsError(f"{file.name} holds more than tensors and is not opened: {error}.") from error
        except (OSError, EOFError) as error:
            raise WeightsError(f"{file.name} cannot be read: {error}.") from error
        except RuntimeError as error:
            if not mapped:
                raise WeightsError(f"{file.name} is no whole file of torch: {error}.") from error
        else:
            return {name: tensor for name, tensor in held.items() if isinstance(tensor, Tensor)}
    raise AssertionError
