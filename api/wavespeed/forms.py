"""The form of each model, as JSON Schema made from the catalog; it documents, `jobs.rules.inputs` decides."""

from typing import Any

from jobs.errors import WrongInput
from jobs.rules.catalog import ORDERS, PROMPT_MAX_LETTERS, RESOLUTIONS, SEED_MAX, Kind, Model

_SEEN_BY = {
    "image": "The picture of whoever speaks",
    "video": "The video of whoever speaks",
    "audio": "The voice",
    "left_audio": "The voice of the speaker on the left",
    "right_audio": "The voice of the speaker on the right",
    "mask_image": "White where the picture may move",
}
_EXAMPLES: dict[Kind, str] = {"image": "png", "video": "mp4", "audio": "mp3", "mask": "png"}
_MEDIUM = r"^\s*([hH][tT][tT][pP][sS]?://|[dD][aA][tT][aA]:|[A-Za-z0-9+/_\-]+={0,2}\s*$)"


def request_schema(model: Model) -> dict[str, Any]:
    """What `model` takes, field by field, in the order a form shows them."""
    properties = {name: _medium(name, kind) for name, kind in model.media.items()}
    for name in properties.keys() - set(model.required):
        properties[name] = _optional(properties[name])
    properties["prompt"] = _optional(
        {"type": "string", "maxLength": PROMPT_MAX_LETTERS, "description": "What happens, in words.", "default": ""}
    )
    if model.is_duet:
        said = "Who speaks when: both at once, or one after the other."
        properties["order"] = _optional(_choice(said, ORDERS))
    if model.has_resolution:
        properties["resolution"] = _optional(_choice("Size of the video.", RESOLUTIONS))
    said = "The same seed gives the same video; -1 draws one."
    properties["seed"] = _optional(
        {"type": "integer", "minimum": -1, "maximum": SEED_MAX, "default": -1, "description": said}
    )
    return {"title": model.id, "type": "object", "properties": properties, "required": list(model.required)}


def body_schema(model: Model) -> dict[str, Any]:
    """The whole body: the model's form, and how the caller wants the answer. Unknown keys are dropped."""
    schema = request_schema(model)
    schema["properties"] |= {
        "enable_sync_mode": _optional(_switch("Answer only when the job is final, or the wait is over.")),
        "enable_base64_output": _optional(_switch("Give outputs as base64 instead of links.")),
        "webhook_url": _optional({"type": "string", "description": "URL told when the job is final."}),
    }
    return schema


def switch(form: dict[str, Any], name: str) -> bool:
    """A yes or no of the form. Absent is no; the spellings clients really send are all understood."""
    value = form.get(name)
    if value is None or value == "":
        return False
    if isinstance(value, str):
        value = {"true": True, "false": False}.get(value.lower(), value)
    if value not in (True, False):
        raise WrongInput(f"{name} must be true or false.", field=name)
    return bool(value)


def _medium(name: str, kind: Kind) -> dict[str, Any]:
    return {
        "type": "string",
        "pattern": _MEDIUM,
        "description": f"{_SEEN_BY[name]}: an http(s) URL, a data: URI or base64.",
        "examples": [f"https://example.com/{name}.{_EXAMPLES[kind]}"],
    }


def _choice(description: str, choices: tuple[str, ...]) -> dict[str, Any]:
    return {"type": "string", "enum": list(choices), "default": choices[0], "description": description}


def _switch(description: str) -> dict[str, Any]:
    return {"type": "boolean", "default": False, "description": description}


def _optional(schema: dict[str, Any]) -> dict[str, Any]:
    """Null means absent."""
    nullable = {**schema, "type": [schema["type"], "null"]}
    return {**nullable, "enum": [*schema["enum"], None]} if "enum" in schema else nullable
