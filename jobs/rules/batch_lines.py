"""Reads one line of a batch: its name, its model and form, and what is asked beyond it; nothing else is looked up.

Two shapes are known, and a file keeps to one of them: ours, `{"custom_id", "model", "inputs", "options"}`, and that of
OpenAI's batches, `{"custom_id", "method", "url", "body"}`, whose body is what POST /v1/jobs takes.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from jobs.errors import InvalidInput, MissingInput, WrongInput
from jobs.rules import addresses
from jobs.rules.batches import LINE_MAX_BYTES
from jobs.rules.catalog import OUTPUT_MAX_SECONDS
from jobs.rules.strict_json import NAME_MAX_LETTERS, read_object

CUSTOM_ID_MAX_LETTERS: Final = 200
METADATA_MAX_BYTES: Final = 16 * 2**10

Shape = Literal["ours", "OpenAI's"]
Span = Annotated[int | None, Field(gt=0)]
_STRICT = ConfigDict(strict=True, extra="forbid")
_ENVELOPE: Final = {"custom_id", "method", "url", "body"}


class LineDeadlines(BaseModel):
    """Spans in seconds; what is left out takes the batch's, or the server's default, which is also the most."""

    model_config = _STRICT

    wait_seconds: Span = Field(None, description="How long a job may wait for its first attempt.")
    run_seconds: Span = Field(None, description="How long one attempt may run.")
    total_seconds: Span = Field(None, description="How long a job may take in all.")


class JobOptions(BaseModel):
    """What is asked of a job beyond its form: of one line, or of all lines that do not say otherwise."""

    model_config = _STRICT

    engine: str = Field("auto", description="auto, gpu, cloud or preview.")
    priority: int = Field(0, ge=-100, le=100, description="Higher goes first.")
    deadlines: LineDeadlines | None = None
    tags: list[Annotated[str, Field(min_length=1, max_length=100)]] = Field([], max_length=20)
    metadata: dict[str, Any] = Field({}, description=f"Your own JSON, given back; at most {METADATA_MAX_BYTES} bytes.")
    webhook: str | None = Field(None, description="URL told when the job is final.")
    duration_seconds: float | None = Field(
        None, gt=0, le=OUTPUT_MAX_SECONDS, description="How long each voice is; also called `voice_seconds`."
    )
    knobs: dict[str, Any] | None = Field(None, description="Knobs of the engine `gpu`, as POST /v1/jobs takes them.")
    voice_seconds: float | None = Field(None, gt=0, le=OUTPUT_MAX_SECONDS, description="As `duration_seconds`.")

    @property
    def declared_seconds(self) -> float | None:
        return self.duration_seconds if self.voice_seconds is None else self.voice_seconds


@dataclass(frozen=True, slots=True)
class Line:
    """One line that was understood; whether its form is acceptable is the model's business."""

    custom_id: str
    model: str
    inputs: Mapping[str, Any]
    options: JobOptions
    shape: Shape


def read(text: bytes, defaults: Mapping[str, Any]) -> Line:
    """Read one line; `defaults` are the batch's options, for what the line does not say.

    Raises InvalidInput, MissingInput and WrongInput naming the field.
    """
    if len(text) > LINE_MAX_BYTES:
        raise InvalidInput(f"The line has more than {LINE_MAX_BYTES} bytes; upload media and give links to them.")
    found = read_object(text, "The line")
    shape: Shape = "OpenAI's" if "body" in found else "ours"
    custom_id = _custom_id(found)
    form, options = _unwrapped(found) if shape == "OpenAI's" else _ours(found)
    model, inputs = _of_type(form, "model", str), _of_type(form, "inputs", dict)
    return Line(custom_id, model, inputs, read_options({**defaults, **options}), shape)


def read_options(given: Mapping[str, Any], within: str = "options") -> JobOptions:
    """Raises MissingInput or WrongInput naming the field, `within.` before it."""
    try:
        options = _OPTIONS.validate_python(given)
    except ValidationError as error:
        raise _sentence(error, within) from None
    if options.webhook and (reason := addresses.why_not_url(options.webhook, addresses.ANYWHERE)):
        raise WrongInput(f"{within}.webhook: {reason}.", field=f"{within}.webhook")
    if options.metadata and len(json.dumps(options.metadata, ensure_ascii=False).encode()) > METADATA_MAX_BYTES:
        sentence = f"{within}.metadata must have at most {METADATA_MAX_BYTES} bytes as JSON."
        raise WrongInput(sentence, field=f"{within}.metadata")
    if options.duration_seconds is not None and options.voice_seconds not in (None, options.duration_seconds):
        raise WrongInput(f"{within} has both duration_seconds and voice_seconds; give one.", field=within)
    return options


_OPTIONS = TypeAdapter(JobOptions)


def _ours(found: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    _refuse_strangers(found, {"custom_id", "model", "inputs", "options"})
    options = found.get("options")
    if options is not None and not isinstance(options, dict):
        raise WrongInput("options must be a JSON object.", field="options")
    return found, options or {}


def _unwrapped(found: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """What an envelope of OpenAI's holds."""
    _refuse_strangers(found, _ENVELOPE)
    if found.get("method", "POST") != "POST":
        raise WrongInput("method must be POST.", field="method")
    if found.get("url", "/v1/jobs") != "/v1/jobs":
        raise WrongInput("url must be /v1/jobs.", field="url")
    body = _of_type(found, "body", dict)
    return body, {name: value for name, value in body.items() if name not in {"model", "inputs"}}


def _refuse_strangers(found: Mapping[str, Any], known: set[str]) -> None:
    for name in found:
        if name not in known:
            shown = name[:NAME_MAX_LETTERS]
            raise WrongInput(f"{shown} is not known here; a line has {', '.join(sorted(known))}.", field=shown)


def _custom_id(found: Mapping[str, Any]) -> str:
    name: str = _of_type(found, "custom_id", str)
    if not 0 < len(name) <= CUSTOM_ID_MAX_LETTERS or not name.isprintable():
        raise WrongInput(f"custom_id must have 1 to {CUSTOM_ID_MAX_LETTERS} printable letters.", field="custom_id")
    return name


def _of_type(found: Mapping[str, Any], name: str, kind: type[Any]) -> Any:  # noqa: ANN401 - as the caller asks
    value = found.get(name)
    if value is None:
        raise MissingInput(f"{name} is required.", field=name)
    if not isinstance(value, kind):
        raise WrongInput(f"{name} must be {'a string' if kind is str else 'a JSON object'}.", field=name)
    return value


def _sentence(error: ValidationError, within: str) -> InvalidInput:
    """The first of pydantic's problems in our words."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    name = ".".join([within, *(str(part)[:NAME_MAX_LETTERS] for part in first["loc"])])
    if first["type"] == "extra_forbidden":
        return WrongInput(f"{name} is not known here.", field=name)
    return WrongInput(f"{name}: {first['msg'][0].lower()}{first['msg'][1:]}.", field=name)
