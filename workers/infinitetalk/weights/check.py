"""Compares files with models by their headers alone, before gigabytes are read: what lacks, is too many, or bent."""

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Final, get_args

from workers.infinitetalk.weights import headers
from workers.infinitetalk.weights.headers import Shapes, WeightsError
from workers.infinitetalk.weights.layout import Layout, Variant, find
from workers.infinitetalk.weights.names import ADAPTER
from workers.infinitetalk.weights.parts import Part

NAMED: Final = 5
"""How many tensors a sentence names; the rest are counted."""


@dataclass(frozen=True)
class Finding:
    """What one part's files hold, and what is wrong with them, in sentences."""

    part: str
    files: tuple[str, ...]
    tensors: int
    parameters: int
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    findings: tuple[Finding, ...]

    @property
    def is_good(self) -> bool:
        return not self.problems

    @property
    def problems(self) -> tuple[str, ...]:
        return tuple(problem for finding in self.findings for problem in finding.problems)


def check(layout: Layout) -> Report:
    """Look at every part; needs no GPU and little memory."""
    findings = [check_part(part) for part in layout.parts]
    if not layout.tokenizer.is_dir():
        findings.append(Finding("tokenizer", (), 0, 0, (f"The tokenizer is missing: {layout.tokenizer}.",)))
    return Report(tuple(findings))


def examine(root: Path) -> dict[Variant, Report]:
    """Look for everything in a folder of weights, and say for each variant what there is and what is wrong."""
    return {variant: _examined(root, variant) for variant in get_args(Variant)}


def check_part(part: Part[Any]) -> Finding:
    files = tuple(file.name for file in part.files)
    try:
        held = headers.read(part.files)
        problems = tuple(_compare(part, held))
    except WeightsError as error:
        return Finding(part.name, files, 0, 0, (f"The {part.name}: {error}",))
    return Finding(part.name, files, len(held), sum(prod(shape) for shape in held.values()), problems)


def renamed(part: Part[Any], held: Shapes) -> Shapes:
    """Return the shapes by the names of the class; a tensor that comes apart does so along its first side."""
    shapes: dict[str, tuple[int, ...]] = {}
    for name, targets in part.rename(held).items():
        for target in targets:
            shapes[target] = held[name] if is_shared(targets) else (held[name][0] // len(targets), *held[name][1:])
    return shapes


def is_shared(targets: tuple[str, ...]) -> bool:
    """Whether all targets get the whole tensor: when there is one, or when it is an embedding under two names."""
    return len(targets) < 2 or "embed" in targets[-1]  # noqa: PLR2004 - one, or none at all


def _examined(root: Path, variant: Variant) -> Report:
    try:
        return check(find(root, variant))
    except WeightsError as error:
        return Report((Finding("folder", (), 0, 0, (str(error),)),))


def _compare(part: Part[Any], held: Shapes) -> list[str]:
    found = renamed(part, held)
    try:
        model = part.build(found)
    except KeyError as error:
        return [f"The {part.name} is not what it should be: it has no {error.args[0]}."]
    wanted = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items() if not _is_optional(name)}
    shared = wanted.keys() & found.keys()
    misshapen = [name for name in shared if prod(wanted[name]) != prod(found[name]) or not _fits(wanted, found, name)]
    return [
        *_sentence(part, "lacks", wanted.keys() - found.keys()),
        *_sentence(part, "holds, beyond what it should,", found.keys() - model.state_dict().keys()),
        *(f"The {part.name}'s {name} is {found[name]} and should be {wanted[name]}." for name in sorted(misshapen)),
    ]


def _fits(wanted: Shapes, found: Shapes, name: str) -> bool:
    """Whether shapes are the same but for sides of 1, which the two worlds of CLIP have in different places."""
    return [side for side in wanted[name] if side != 1] == [side for side in found[name] if side != 1]


def _is_optional(name: str) -> bool:
    return name == "masked_spec_embed"


def _sentence(part: Part[Any], verb: str, names: set[str]) -> list[str]:
    if not names:
        return []
    named = sorted(names)[:NAMED]
    rest = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    hint = (
        " (the audio branch: an adapter is missing or is not InfiniteTalk's)" if all(map(ADAPTER.match, names)) else ""
    )
    return [f"The {part.name} {verb} {len(names)} tensors{hint}: {', '.join(named)}{rest}."]
