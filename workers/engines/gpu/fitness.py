"""Whether this machine can run the model: its libraries, its GPU, a tiny pass, weights by their headers, and room."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jobs.errors import EngineError, WorkerUnfit

if TYPE_CHECKING:
    from workers.infinitetalk.weights.layout import Variant

LIBRARIES: Final = ("torch", "diffusers", "transformers", "safetensors", "accelerate")
INSTALL: Final = (
    "`pip install --require-hashes -r requirements/gpu.txt` installs what the model runs on; see docs/gpu.md"
)
_TRIED_BYTES: Final = 2**28
_GIB: Final = 2**30


def check(equipment: Mapping[str, object]) -> str:
    """Say in a sentence what can be rendered here. Raises EngineError with what is missing."""
    missing = [name for name in LIBRARIES if find_spec(name) is None]
    if missing:
        raise _unfit(f"{' and '.join(missing)} cannot be imported: {INSTALL}")
    from workers.engines.gpu import place, plan, troubles

    with troubles.told(str(equipment.get("weights"))):
        chosen = plan.equipment_of(equipment)
        device = _look_at(chosen.device)
        whole, lacking = _look_into(chosen.root)
        place.insist_on_room(chosen, whole)
    none_for = f"; none for {', '.join(lacking)}" if lacking else ""
    return f"renders on {device}; weights for {', '.join(whole)}{none_for}"


def _look_at(device: str) -> str:
    """Allocate, and run a transformer of two small blocks once."""
    import torch

    from workers.infinitetalk.weights import tiny

    if device != "cpu" and not torch.cuda.is_available():
        raise _unfit(f"PyTorch {torch.__version__} finds no CUDA here, and DUOLOGUE_GPU_DEVICE is {device}")
    dtype = torch.float32 if device == "cpu" else torch.bfloat16
    torch.empty(_TRIED_BYTES, dtype=torch.uint8, device=device).fill_(1)
    if not torch.isfinite(tiny.try_pass(device, dtype)).all():
        raise _unfit(f"a tiny pass on {device} gives no numbers")
    if device == "cpu":
        return f"the CPU with {torch.get_num_threads()} threads"
    free_bytes, bytes_in_all = torch.cuda.mem_get_info(device)
    return f"{torch.cuda.get_device_name(device)}, {free_bytes / _GIB:.1f} of {bytes_in_all / _GIB:.1f} GiB free"


def _look_into(root: Path) -> tuple[list["Variant"], list["Variant"]]:
    """Which weights are whole, and which are not; one kind is enough to be of use."""
    from workers.infinitetalk.weights import check, made_for

    made_for.read(root)
    reports = check.examine(root)
    whole = [variant for variant, report in reports.items() if report.is_good]
    if not whole:
        raise _unfit(" ".join(dict.fromkeys(problem for report in reports.values() for problem in report.problems)))
    return whole, [variant for variant in reports if variant not in whole]


def _unfit(sentence: str) -> EngineError:
    return EngineError(sentence, permanent=False, error_class=WorkerUnfit.error_class)
