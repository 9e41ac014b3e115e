"""How an order and its rendering cross the pipe between runner and child: one JSON object a line."""

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from workers.engines.engine import Order, Rendering

_PATHS = ("folder", "picture", "video", "mask", "kept")


def write_order(order: Order) -> str:
    """One line, newline included."""
    plain = {field.name: getattr(order, field.name) for field in fields(order)}
    plain |= {"knobs": dict(order.knobs), "equipment": dict(order.equipment)}
    return json.dumps(plain, default=str) + "\n"


def read_order(line: str) -> Order:
    plain: dict[str, Any] = json.loads(line)
    paths = {name: Path(plain[name]) for name in _PATHS if plain[name] is not None}
    return Order(**(plain | paths | {"voices": tuple(Path(voice) for voice in plain["voices"])}))


def rendering_to_json(rendering: Rendering) -> dict[str, object]:
    return {**asdict(rendering), "video": str(rendering.video), "warnings": list(rendering.warnings)}


def rendering_from_json(plain: dict[str, Any]) -> Rendering:
    return Rendering(**(plain | {"video": Path(plain["video"]), "warnings": tuple(plain["warnings"])}))
