"""Where the model is to live on this machine, and whose turn it is there."""

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import torch

from jobs.errors import EngineError
from workers.engines.engine import Report
from workers.engines.gpu.plan import Equipment, Plan
from workers.engines.gpu.troubles import OUT_OF_MEMORY
from workers.infinitetalk import residency as residencies
from workers.infinitetalk.masks import LATENT_PIXELS, TOKEN_LATENTS
from workers.infinitetalk.residency import Residency, Weights
from workers.infinitetalk.sizes import Fit
from workers.infinitetalk.studio import Furnishing
from workers.infinitetalk.weights import check, headers
from workers.infinitetalk.weights.layout import Layout

_LOOK_SECONDS: Final = 1.0
_FRAMES_PER_LATENT: Final = 4


@contextmanager
def turn(device: str, report: Report) -> Iterator[None]:
    """Have the device to oneself: what two renderings need at once no card has. A CPU is shared as it is."""
    if device == "cpu":
        yield
        return
    seen = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    name = "".join(sign if sign.isalnum() else "-" for sign in f"duologue-{device}-{seen}")
    with (Path(tempfile.gettempdir()) / f"{name}.lock").open("w") as lock:
        while not _taken(lock.fileno()):
            report("waiting", 0.0)
            time.sleep(_LOOK_SECONDS)
        yield


def furnish(equipment: Equipment, plan: Plan, layout: Layout, fit: Fit, profile: int) -> Furnishing:
    """Choose where the model lives, by the memory that is free now.

    Raises TooLittleMemory with numbers, and EngineError when memory ran out before and there is no smaller way.
    """
    vae_dtype = torch.bfloat16 if equipment.half_vae else torch.float32
    if equipment.device == "cpu":
        return Furnishing("cpu", torch.float32, vae_dtype, Residency.RESIDENT, equipment.speed)
    residency = _residency(equipment, layout, tokens(plan, fit), profile)
    return Furnishing(equipment.device, torch.bfloat16, vae_dtype, residency, equipment.speed)


def tokens(plan: Plan, fit: Fit) -> int:
    """Count what the transformer looks at together: a chunk's latent frames, in tokens of 16 x 16 pixels."""
    latent_frames = (plan.recipe.span.chunk_frames - 1) // _FRAMES_PER_LATENT + 1
    side = LATENT_PIXELS * TOKEN_LATENTS
    return latent_frames * (fit.height // side) * (fit.width // side)


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


def _residency(equipment: Equipment, layout: Layout, tokens: int, profile: int) -> Residency:
    """The fastest that fits; where that ran out of memory before, the next one."""
    least = Residency.RESIDENT if equipment.residency == "auto" else Residency[equipment.residency.upper()]
    free_bytes, _ = torch.cuda.mem_get_info(equipment.device)
    return after(residencies.choose(free_bytes, tokens, weigh(layout), at_least=least), profile)


def _taken(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
