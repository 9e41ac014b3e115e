"""What an order means to the model: which weights, how many steps and chunks, who is where, what is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from jobs.rules.catalog import MODELS
from workers.engines.engine import Order
from workers.infinitetalk import recipe as recipes
from workers.infinitetalk.guidance import Scales
from workers.infinitetalk.recipe import Recipe
from workers.infinitetalk.shoot import NEGATIVE, Shoot
from workers.infinitetalk.sizes import FRAMES_PER_SECOND, BucketTable
from workers.infinitetalk.speed import Speed
from workers.infinitetalk.weights import made_for
from workers.infinitetalk.weights.headers import WeightsError
from workers.infinitetalk.weights.layout import Variant
from workers.infinitetalk.weights.lora import Lora

FEW_STEPS: Final = "few-steps"
FAST: Final = "fast"


@dataclass(frozen=True)
class Equipment:
    """What the owner of the machine set; every field is a setting `DUOLOGUE_GPU_...`."""

    weights: str
    device: str = "cuda"
    adapter: str = "auto"
    preset: str = "standard"
    fast_preset: str = FAST
    lora: str = ""
    lora_strength: float = 1.0
    residency: str = "auto"
    attention: str = ""
    compile: bool = False
    half_vae: bool = False
    reuse_below: float = 0.0

    @property
    def root(self) -> Path:
        return Path(self.weights)

    @property
    def speed(self) -> Speed:
        return Speed(self.attention or None, self.compile, self.reuse_below or None)


@dataclass(frozen=True)
class Plan:
    """One order, ready to be rendered."""

    shoot: Shoot
    recipe: Recipe
    table: BucketTable
    variant: Variant
    loras: tuple[Lora, ...]


def equipment_of(told: Mapping[str, Any]) -> Equipment:
    """Raises WeightsError where nobody said where the weights are."""
    if not told.get("weights"):
        raise WeightsError("DUOLOGUE_GPU_WEIGHTS is not set: it names the folder of the model's weights.")
    return Equipment(**told)


def plan(order: Order, equipment: Equipment) -> Plan:
    """Raises WeightsError when the weights say what nobody understands, or the preset's LoRA is not set."""
    made = made_for.read(equipment.root)
    preset, shoot = _preset(order, equipment), _shoot(order)
    return Plan(
        shoot=shoot,
        recipe=_recipe(order, made.adapted(_published(preset, order.resolution))),
        table=made.tables[order.resolution],
        variant=FAST if preset == FAST else "multi" if equipment.adapter == "multi" else shoot.variant,
        loras=_loras(preset, equipment),
    )


def _preset(order: Order, equipment: Equipment) -> str:
    asked: Any = order.knobs.get("preset")
    return asked or (equipment.fast_preset if MODELS[order.model].is_fast else equipment.preset)


def _published(preset: str, resolution: str) -> Recipe:
    name = f"{preset}-{resolution}"
    return recipes.PRESETS.get(name) or recipes.PRESETS[preset]


def _recipe(order: Order, preset: Recipe) -> Recipe:
    """The preset, with what the caller wants otherwise."""
    knobs: Mapping[str, Any] = order.knobs
    scales = Scales(knobs.get("text_scale", preset.scales.text), knobs.get("audio_scale", preset.scales.audio))
    return replace(
        preset,
        steps=knobs.get("steps", preset.steps),
        shift=knobs.get("shift", preset.shift),
        scales=replace(preset.scales, text=scales.text, audio=scales.audio),
        seed=order.seed,
        seeds={int(chunk): seed for chunk, seed in knobs.get("chunk_seeds", {}).items()},
    )


def _shoot(order: Order) -> Shoot:
    knobs: Mapping[str, Any] = order.knobs
    later = {round(told["from_seconds"] * FRAMES_PER_SECOND): told["prompt"] for told in knobs.get("prompts", ())}
    return Shoot(
        voices=order.voices,
        order=order.speaking_order,
        prompts={0: order.prompt} | later,
        negative=knobs.get("negative_prompt", NEGATIVE),
        boxes=[(left, top, right, bottom) for left, top, right, bottom in knobs.get("boxes", ())],
        mask=order.mask,
    )


def _loras(preset: str, equipment: Equipment) -> tuple[Lora, ...]:
    if preset != FEW_STEPS:
        return ()
    if not equipment.lora:
        raise WeightsError("The preset few-steps needs a LoRA, and DUOLOGUE_GPU_LORA names none here.")
    return (Lora(Path(equipment.lora), equipment.lora_strength),)
