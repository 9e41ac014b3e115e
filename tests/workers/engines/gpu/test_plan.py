"""What an order means to the model."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from jobs.settings.gpu import GpuSettings
from tests.workers.infinitetalk import rule

pytest.importorskip("torch", reason=rule.NEEDED)
pytest.importorskip("diffusers", reason=rule.NEEDED)
pytest.importorskip("transformers", reason=rule.NEEDED)

from workers.engines.engine import Order
from workers.engines.gpu.plan import Equipment, Plan, plan
from workers.infinitetalk import sizes
from workers.infinitetalk.guidance import Scales
from workers.infinitetalk.recipe import FAST, FEW_STEPS, STANDARD, STANDARD_720
from workers.infinitetalk.shoot import NEGATIVE
from workers.infinitetalk.timeline import Span
from workers.infinitetalk.weights import made_for
from workers.infinitetalk.weights.made_for import MadeFor

DUET = "wavespeed-ai/infinitetalk/multi"
SOLO = "wavespeed-ai/infinitetalk"


def planned(weights: Path, model: str = DUET, equipment: dict[str, Any] | None = None, **changes: Any) -> Plan:  # noqa: ANN401 - fields of an order
    voices = (Path("left.wav"), Path("right.wav"))[: 2 if model.endswith("multi") else 1]
    order = Order(model=model, folder=weights, voices=voices, **changes)
    return plan(order, Equipment(str(weights), **(equipment or {})))


def test_every_setting_of_the_gpu_is_equipment() -> None:
    assert {f"gpu_{field.name}" for field in fields(Equipment)} == set(GpuSettings.model_fields)


def test_models_have_their_presets(tmp_path: Path) -> None:
    lora = {"lora": "few.safetensors", "fast_preset": "few-steps"}
    assert planned(tmp_path).recipe == STANDARD
    assert planned(tmp_path, resolution="720p").recipe == STANDARD_720
    assert planned(tmp_path, model="wavespeed-ai/infinitetalk-fast").recipe == FAST
    few = planned(tmp_path, model="wavespeed-ai/infinitetalk-fast", equipment=lora)
    assert (few.recipe, [each.path.name for each in few.loras]) == (FEW_STEPS, ["few.safetensors"])
    assert planned(tmp_path, equipment=lora).loras == ()


@pytest.mark.parametrize(
    ("model", "changes", "adapter", "variant"),
    [
        (SOLO, {}, "auto", "single"),
        (SOLO, {}, "multi", "multi"),
        (SOLO, {"mask": Path("mask.png")}, "auto", "multi"),
        (DUET, {}, "auto", "multi"),
        (DUET, {"knobs": {"preset": "fast"}}, "auto", "fast"),
        ("wavespeed-ai/infinitetalk-fast/multi", {}, "multi", "fast"),
    ],
)
def test_weights_follow_speakers_and_preset(
    tmp_path: Path, model: str, changes: dict[str, Any], adapter: str, variant: str
) -> None:
    assert planned(tmp_path, model, {"adapter": adapter}, **changes).variant == variant


def test_knobs_come_before_the_preset(tmp_path: Path) -> None:
    knobs = {
        "steps": 20,
        "text_scale": 3.0,
        "shift": 9.0,
        "chunk_seeds": {"2": 8},
        "negative_prompt": "hats",
        "prompts": [{"from_seconds": 2.0, "prompt": "they laugh"}],
        "boxes": [[0, 0, 10, 20], [10, 0, 20, 20]],
    }
    made = planned(tmp_path, knobs=knobs, prompt="two talk", seed=4)
    assert (made.recipe.steps, made.recipe.shift, made.recipe.scales) == (20, 9.0, Scales(3.0, 4.0))
    assert [made.recipe.chunk_seed(chunk) for chunk in range(4)] == [4, 5, 8, 7]
    assert made.shoot.prompts == {0: "two talk", 50: "they laugh"}
    assert (made.shoot.negative, made.shoot.boxes) == ("hats", [(0, 0, 10, 20), (10, 0, 20, 20)])
    assert planned(tmp_path).shoot.negative == NEGATIVE


def test_weights_that_say_what_they_were_made_for_are_believed(tmp_path: Path) -> None:
    assert planned(tmp_path).table == sizes.TABLES["480p"]
    small = {name: {1.0: (32, 32)} for name in sizes.TABLES}
    made_for.write(tmp_path, MadeFor(small, Span(9, 5), steps=2))
    made = planned(tmp_path)
    assert (made.table, made.recipe.span, made.recipe.steps) == ({1.0: (32, 32)}, Span(9, 5), 2)
