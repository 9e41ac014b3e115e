"""Adds LoRAs to the weights themselves, before they take their final type: so they work with any quantisation."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from workers.infinitetalk.weights import headers, names
from workers.infinitetalk.weights.headers import WeightsError

_PREFIX: Final = re.compile(r"^(base_model\.model\.)?(diffusion_model|transformer)\.")
_KINDS: Final = {
    ".lora_down.weight": "down",
    ".lora_A.weight": "down",
    ".lora_A.default.weight": "down",
    ".lora_up.weight": "up",
    ".lora_B.weight": "up",
    ".lora_B.default.weight": "up",
    ".alpha": "alpha",
    ".diff": "diff",
    ".diff_b": "bias",
    ".lora_B.bias": "bias",
}


@dataclass(frozen=True)
class Lora:
    """A file of LoRA weights, in the original's names or those of diffusers, and how strongly it is to be added."""

    path: Path
    strength: float = 1.0


@dataclass
class Additions:
    """What LoRAs add, by the name of the tensor in the class; remembers what found its place."""

    modules: Mapping[str, list[tuple[float, dict[str, Tensor]]]]
    _placed: set[str] = field(default_factory=set)

    def added(self, name: str, tensor: Tensor) -> Tensor:
        """Return the tensor with everything added, in float32; untouched if nothing is."""
        module, _, leaf = name.rpartition(".")
        for strength, parts in self.modules.get(module, ()):
            for kind, difference in _differences(parts, leaf):
                self._placed.add(f"{module}.{kind}")
                tensor = tensor.float() + strength * difference.to(tensor.device).reshape(tensor.shape)
        return tensor

    def refuse_unplaced(self) -> None:
        """Raise WeightsError if something was left over: a LoRA that half applies looks like a bad model."""
        wanted = {
            f"{module}.{kind}" for module, all_ in self.modules.items() for _, parts in all_ for kind in _kinds(parts)
        }
        unplaced = sorted(wanted - self._placed)
        if unplaced:
            raise WeightsError(f"A LoRA does not fit: {len(unplaced)} of its parts have no place, as {unplaced[0]}.")


def read(loras: Iterable[Lora]) -> Additions:
    """Read LoRA files. Raises WeightsError for keys of a kind that is not known."""
    modules: dict[str, list[tuple[float, dict[str, Tensor]]]] = {}
    for lora in loras:
        parts: dict[str, dict[str, Tensor]] = {}
        for name, tensor in headers.tensors(lora.path):
            module, kind = _split(lora.path, name)
            parts.setdefault(module, {})[kind] = tensor
        for module, found in parts.items():
            modules.setdefault(module, []).append((lora.strength, found))
    return Additions(modules)


def _split(path: Path, name: str) -> tuple[str, str]:
    """Return the module's name in the class, and what kind of addition this is."""
    bare = _PREFIX.sub("", name)
    for ending, kind in _KINDS.items():
        if bare.endswith(ending):
            return _in_class(bare.removesuffix(ending)), kind
    raise WeightsError(f"{path.name} holds {name}, which is of no kind that is known of LoRAs.")


def _in_class(module: str) -> str:
    if ".attn1." in module or ".attn2." in module or module.startswith("condition_embedder."):
        return module
    name = f"{module}.weight"
    return names.transformer([name])[name][0].removesuffix(".weight")


def _kinds(parts: Mapping[str, Tensor]) -> set[str]:
    return {"low rank" if kind in {"down", "up"} else kind for kind in parts} - {"alpha"}


def _differences(parts: Mapping[str, Tensor], leaf: str) -> Iterator[tuple[str, Tensor]]:
    if leaf == "bias" and "bias" in parts:
        yield "bias", parts["bias"].float()
    if leaf == "weight" and "diff" in parts:
        yield "diff", parts["diff"].float()
    if leaf == "weight" and "down" in parts and "up" in parts:
        yield "low rank", _low_rank(parts)


def _low_rank(parts: Mapping[str, Tensor]) -> Tensor:
    """Up times down, scaled by alpha / rank where a file says its alpha."""
    down, up = parts["down"].float(), parts["up"].float()
    scale = float(parts["alpha"]) / len(down) if "alpha" in parts else 1.0
    return torch.mul(up.flatten(1) @ down.flatten(1), scale)
