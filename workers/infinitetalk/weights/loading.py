"""Reads models into memory tensor by tensor, each in its final type and place before the next: no copy of the whole."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from workers.infinitetalk.transformer import TalkTransformer
from workers.infinitetalk.weights import check, headers, lora
from workers.infinitetalk.weights.headers import WeightsError
from workers.infinitetalk.weights.lora import Lora
from workers.infinitetalk.weights.names import Renaming
from workers.infinitetalk.weights.parts import Model, Part


@dataclass(frozen=True)
class Home:
    """Where a model is to live, and as what."""

    device: str = "cpu"
    dtype: torch.dtype = torch.float32


def load(part: Part[Model], home: Home, loras: Iterable[Lora] = ()) -> Model:
    """Check the part's headers, then read it; LoRAs are added to each tensor in float32 before it takes its type.

    Raises WeightsError when the files do not fit, or a LoRA holds what the model has no place for.
    """
    finding = check.check_part(part)
    if finding.problems:
        raise WeightsError(" ".join(finding.problems))
    held = headers.read(part.files)
    model = part.build(check.renamed(part, held))
    additions = lora.read(loras)
    model.load_state_dict(dict(_settled(model, part, home, additions)), assign=True)
    additions.refuse_unplaced()
    if isinstance(model, TalkTransformer):
        model.settle()
    return model.to(home.device).eval().requires_grad_(requires_grad=False)


def _settled(model: nn.Module, part: Part[Any], home: Home, additions: lora.Additions) -> Iterator[tuple[str, Tensor]]:
    """All tensors of the model as they are to stay."""
    wanted = {name: tensor.shape for name, tensor in model.state_dict().items()}
    missing = dict(wanted)
    for target, piece in _pieces(part, part.rename(headers.read(part.files))):
        whole = additions.added(target, piece.reshape(wanted[target]))
        yield target, whole.to(home.device, _dtype(model, target, home))
        missing.pop(target)
    for name, shape in missing.items():  # what only training needed; the check saw that it is no more than that
        yield name, torch.zeros(shape, device=home.device, dtype=home.dtype)


def _pieces(part: Part[Any], renaming: Renaming) -> Iterator[tuple[str, Tensor]]:
    for file in part.files:
        for name, tensor in headers.tensors(file):
            targets = renaming.get(name, ())
            pieces = [tensor] * len(targets) if check.is_shared(targets) else tensor.chunk(len(targets))
            yield from zip(targets, pieces, strict=True)


def _dtype(model: nn.Module, name: str, home: Home) -> torch.dtype:
    """Keep in float32 what diffusers keeps of Wan: modulation, time embedding and norms."""
    if isinstance(model, TalkTransformer) and set(name.split(".")) & set(model._keep_in_fp32_modules):  # noqa: SLF001 - there is no public list
        return torch.float32
    return home.dtype
