"""Which knobs of the model a caller may turn, and how far; WaveSpeed's form has none of them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from jobs.errors import WrongInput
from jobs.rules.catalog import OUTPUT_MAX_SECONDS, PROMPT_MAX_LETTERS, SEED_MAX, Model
from jobs.rules.strict_json import NAME_MAX_LETTERS

PRESETS: Final = ("standard", "few-steps", "fast")
OF_FAST_MODELS: Final = ("few-steps", "fast")
STEPS_MAX: Final = 100
FEW_STEPS_MAX: Final = 12
"""What the -fast models may take: they are paid as models of few steps."""
SCALE_MAX: Final = 20.0
SHIFT_MAX: Final = 20.0
SIDE_MAX_PIXELS: Final = 16_384
CHUNKS_MAX: Final = 1000
PROMPTS_MAX: Final = 100

_SIDES: Final = 4


def clean(model: Model, given: Mapping[str, Any], inputs: Mapping[str, object]) -> dict[str, Any]:
    """Check what a caller turns for `model`, whose clean form is `inputs`; null means unturned.

    Raises WrongInput naming the knob.
    """
    turned = {name: value for name, value in given.items() if value is not None}
    strangers = sorted(turned.keys() - _CHECKS.keys())
    if strangers:
        raise WrongInput(
            f"There is no knob {strangers[0][:NAME_MAX_LETTERS]}; there are {', '.join(_CHECKS)}.", field="knobs"
        )
    cleaned = {name: _CHECKS[name](model, value) for name, value in turned.items()}
    if "boxes" in cleaned and "mask_image" in inputs:
        raise _wrong("boxes", "and mask_image both say who is where; give one of them")
    return cleaned


def only_gpu(turned: Mapping[str, object], wanted: str, configured: Collection[str]) -> str:
    """The engine wanted by an order with these knobs: auto means the one that has them, where there is one."""
    return "gpu" if turned and wanted == "auto" and "gpu" in configured else wanted


def check_engine(turned: Mapping[str, object], engine: str) -> None:
    """Refuse to take money for what nobody would turn: the upstream has none of these. Raises WrongInput."""
    if turned and engine == "cloud":
        raise WrongInput("The cloud has no knobs: ask for the engine gpu, or leave them out.", field="knobs")


def _preset(model: Model, value: object) -> str:
    choices = OF_FAST_MODELS if model.is_fast else PRESETS
    if not isinstance(value, str) or value not in choices:
        raise _wrong("preset", f"must be one of {', '.join(choices)}")
    return value


def _steps(model: Model, value: object) -> int:
    return _whole("steps", value, 1, FEW_STEPS_MAX if model.is_fast else STEPS_MAX)


def _number(name: str, least: float, most: float) -> Callable[[Model, object], float]:
    def check(_model: Model, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise _wrong(name, f"must be a number from {least:g} to {most:g}")
        return float(value)

    return check


def _negative_prompt(_model: Model, value: object) -> str:
    return _text("negative_prompt", value)


def _boxes(model: Model, value: object) -> list[list[int]]:
    """One per speaker, left first: [left, top, right, bottom] in pixels of the source."""
    count = len(model.voices)
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != count:
        raise _wrong("boxes", f"must be a list with a box for each of {count} speakers, left first")
    return [_box(each) for each in value]


def _box(value: object) -> list[int]:
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != _SIDES:
        raise _wrong("boxes", "must hold boxes of [left, top, right, bottom]")
    left, top, right, bottom = (_whole("boxes", side, 0, SIDE_MAX_PIXELS) for side in value)
    if left >= right or top >= bottom:
        raise _wrong("boxes", "must hold boxes of [left, top, right, bottom], left before right and top above bottom")
    return [left, top, right, bottom]


def _chunk_seeds(_model: Model, value: object) -> dict[str, int]:
    """By the chunk's index in decimal, as JSON has it; the first is 0."""
    if not isinstance(value, Mapping) or not all(_is_index(chunk) for chunk in value):
        raise _wrong("chunk_seeds", f"must be an object from a chunk, 0 to {CHUNKS_MAX - 1}, to its seed")
    return {str(int(chunk)): _whole("chunk_seeds", seed, 0, SEED_MAX) for chunk, seed in value.items()}


def _prompts(_model: Model, value: object) -> list[dict[str, Any]]:
    """In the order of their times; before the first the form's prompt holds."""
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) > PROMPTS_MAX:
        raise _wrong("prompts", f"must be a list of at most {PROMPTS_MAX}")
    found = [_timed(each) for each in value]
    times = [each["from_seconds"] for each in found]
    if times != sorted(set(times)):
        raise _wrong("prompts", "must stand in the order of their from_seconds, each with its own")
    return found


def _timed(value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping) or value.keys() != {"from_seconds", "prompt"}:
        raise _wrong("prompts", "must hold objects with from_seconds and prompt")
    seconds = value["from_seconds"]
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < OUTPUT_MAX_SECONDS:
        raise _wrong("prompts", f"must have from_seconds from 0 to {OUTPUT_MAX_SECONDS}")
    return {"from_seconds": float(seconds), "prompt": _text("prompts", value["prompt"])}


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or len(value) > PROMPT_MAX_LETTERS or "\x00" in value:
        raise _wrong(name, f"must be text of at most {PROMPT_MAX_LETTERS} letters, without NUL")
    return value


def _whole(name: str, value: object, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise _wrong(name, f"must be whole, from {least} to {most}")
    return value


def _is_index(chunk: object) -> bool:
    return isinstance(chunk, str) and chunk.isascii() and chunk.isdecimal() and len(chunk) < len(str(CHUNKS_MAX))


def _wrong(name: str, problem: str) -> WrongInput:
    return WrongInput(f"knobs.{name} {problem}.", field=f"knobs.{name}")


_CHECKS: Final[Mapping[str, Callable[[Model, object], Any]]] = {
    "preset": _preset,
    "steps": _steps,
    "text_scale": _number("text_scale", 1, SCALE_MAX),
    "audio_scale": _number("audio_scale", 1, SCALE_MAX),
    "shift": _number("shift", 0.1, SHIFT_MAX),
    "negative_prompt": _negative_prompt,
    "boxes": _boxes,
    "chunk_seeds": _chunk_seeds,
    "prompts": _prompts,
}
