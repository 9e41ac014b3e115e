"""Where the model is to live on this machine, and whose turn it is there."""

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import torch

from jobs.errors import EngineError
from workers.engines.engine import Report
from workers.engines.gpu.plan import Equipment, Plan
from workers.engines.gpu.troubles import OUT_OF_MEMORY
from workers.infinitetalk import recipe as recipes
from workers.infinitetalk import residency as residencies
from workers.infinitetalk.masks import LATENT_PIXELS, TOKEN_LATENTS
from workers.infinitetalk.residency import Residency, TooLittleMemory, Weights
from workers.infinitetalk.sizes import Fit
from workers.infinitetalk.studio import Furnishing
from workers.infinitetalk.timeline import Span
from workers.infinitetalk.weights import check, headers, made_for
from workers.infinitetalk.weights import layout as layouts
from workers.infinitetalk.weights.layout import Layout, Variant

_LOOK_SECONDS: Final = 1.0
_FRAMES_PER_LATENT: Final = 4


@contextmanager
def turn(device: str, report: Report) -> Iterator[None]:
    """Have the device to oneself: what two renderings need at once no card has. A CPU is shared as it is."""
    if device == "cpu":
        yield
        return
    with _lock_of(device).open("w") as lock:
        while not _taken(lock.fileno()):
            report("waiting", 0.0)
            time.sleep(_LOOK_SECONDS)
        yield


def insist_on_room(equipment: Equipment, variants: Sequence[Variant]) -> None:
    """See that the smallest job of these weights would find memory. Raises TooLittleMemory and EngineError.

    While a rendering of ours has the device, what is free says nothing.
    """
    if equipment.device != "cpu" and not _is_taken(equipment.device):
        memory = torch.cuda.mem_get_info(equipment.device)
        least_of(equipment, "fast" if "fast" in variants else variants[0], memory)


def least_of(equipment: Equipment, variant: Variant, memory: tuple[int, int]) -> Residency:
    """Where the model would live for the smallest job of a variant. Raises TooLittleMemory and EngineError."""
    made = made_for.read(equipment.root)
    span = made.adapted(recipes.FAST if variant == "fast" else recipes.STANDARD).span
    least = min(tokens(span, *size) for table in made.tables.values() for size in table.values())
    return room(equipment, layouts.find(equipment.root, variant), least, memory)


def furnish(equipment: Equipment, plan: Plan, layout: Layout, fit: Fit, profile: int) -> Furnishing:
    """Choose where the model lives, by the memory that is free now.

    Raises what `room` raises, and EngineError when memory ran out before and there is no smaller way.
    """
    vae_dtype = torch.bfloat16 if equipment.half_vae else torch.float32
    if equipment.device == "cpu":
        return Furnishing("cpu", torch.float32, vae_dtype, Residency.RESIDENT, equipment.speed)
    memory = torch.cuda.mem_get_info(equipment.device)
    fits = room(equipment, layout, tokens(plan.recipe.span, fit.height, fit.width), memory)
    return Furnishing(equipment.device, torch.bfloat16, vae_dtype, after(fits, profile), equipment.speed)


def room(equipment: Equipment, layout: Layout, tokens: int, memory: tuple[int, int]) -> Residency:
    """The fastest way that fits into `memory`: the bytes that are free, and those in all.

    Raises TooLittleMemory while others are in the way, and EngineError where the GPU would be too small without them.
    """
    least = Residency.RESIDENT if equipment.residency == "auto" else Residency[equipment.residency.upper()]
    free_bytes, bytes_in_all = memory
    weights = weigh(layout)
    try:
        return residencies.choose(free_bytes, tokens, weights, at_least=least)
    except TooLittleMemory as error:
        if residencies.needed_bytes(max(Residency), weights, tokens) > bytes_in_all:
            raise EngineError(str(error), permanent=False) from error
        raise


def tokens(span: Span, height: int, width: int) -> int:
    """Count what the transformer looks at together: a chunk's latent frames, in tokens of 16 x 16 pixels."""
    latent_frames = (span.chunk_frames - 1) // _FRAMES_PER_LATENT + 1
    side = LATENT_PIXELS * TOKEN_LATENTS
    return latent_frames * (height // side) * (width // side)


def weigh(layout: Layout) -> Weights:
    """Count the parameters that the files hold, by their headers."""
    part = layout.transformer
    empty = part.build(check.renamed(part, headers.read(part.files)))
    block, blocks, stem = residencies.count(empty)
    others = [check.check_part(other).parameters for other in layout.parts[1:]]
    vae, text_encoder, image_encoder, audio_encoder = others
    return Weights(block, blocks, stem, text_encoder, image_encoder, vae, audio_encoder)


def after(fits: Residency, profile: int) -> Residency:
    """Go so many ways down from what should have fitted and did not. Raises EngineError past the last."""
    if fits + profile > max(Residency):
        sentence = "the GPU ran out of memory, and there is no smaller way to render"
        raise EngineError(sentence, permanent=True, error_class=OUT_OF_MEMORY)
    return Residency(fits + profile)


def _is_taken(device: str) -> bool:
    try:
        with _lock_of(device).open() as lock:
            return not _taken(lock.fileno())
    except OSError:
        return False  # nobody has rendered there yet


def _lock_of(device: str) -> Path:
    seen = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    name = "".join(sign if sign.isalnum() else "-" for sign in f"duologue-{device}-{seen}")
    return Path(tempfile.gettempdir()) / f"{name}.lock"


def _taken(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
