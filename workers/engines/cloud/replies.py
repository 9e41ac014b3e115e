"""What the upstream answers, as plain records; an answer that is not one of them is told in a sentence."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from http import HTTPStatus
from typing import Annotated, Any, Final, Generic, Literal, TypeVar

from pydantic import AwareDatetime, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import from_json

from jobs.rules import markers
from jobs.rules.addresses import URL_MAX_LETTERS
from workers.engines.cloud.errors import Unreadable

COMPLETED: Final = "completed"
FINAL: Final = frozenset({COMPLETED, "failed", "cancelled", "timeout", "deleted"})
"""The words for an end; any other, known or new, is taken for a job that is still on its way."""

Content = TypeVar("Content")
_STRICT: Final = ConfigDict(strict=True, hide_input_in_errors=True)
_Id = Annotated[str, Field(pattern=r"^[0-9A-Za-z_-]{1,64}$")]
"""Goes into paths, so it must not hold one."""


def _or(default: Any) -> BeforeValidator:  # noqa: ANN401 - whatever the field holds
    """Null means absent, as everywhere in the contract."""
    return BeforeValidator(lambda value: default if value is None else value)


def _links(value: Any) -> Any:  # noqa: ANN401 - whatever the field holds
    """Models that are none of ours put out other things than links, and are listed with our own all the same."""
    if not isinstance(value, list):
        return () if value is None else value
    return tuple(one for one in value if isinstance(one, str) and one.isprintable() and len(one) <= URL_MAX_LETTERS)


def _answers(value: Any) -> Any:  # noqa: ANN401 - as above
    return tuple(one is True for one in value) if isinstance(value, list) else () if value is None else value


def _fitting(value: Any) -> Any:  # noqa: ANN401 - as above
    """A whole number that is beyond what we can write down says nothing."""
    return 0 if value is None or (isinstance(value, int | float) and not 0 <= value < _TOO_MUCH) else value


_TOO_MUCH: Final = 2**31
_Number = Annotated[int, BeforeValidator(_fitting)]


@dataclass(frozen=True)
class _Timings:
    inference: _Number = 0


@dataclass(frozen=True)
class Prediction:
    """A job at the upstream. `code` is its task code, 0 when fine; `inputs` are there where they were asked for."""

    __pydantic_config__ = _STRICT

    id: _Id
    status: str
    model: Annotated[str, _or("")] = ""
    outputs: Annotated[tuple[str, ...], Field(strict=False), BeforeValidator(_links)] = ()
    created_at: AwareDatetime | None = None
    error: Annotated[str, _or("")] = ""
    code: _Number = 0
    flagged: Annotated[
        tuple[bool, ...], Field(strict=False, validation_alias="has_nsfw_contents"), BeforeValidator(_answers)
    ] = ()
    inputs: Annotated[Mapping[str, Any] | None, Field(validation_alias="input")] = None
    execution_ms: Annotated[_Number, Field(validation_alias="executionTime")] = 0
    timings: Annotated[_Timings, _or(_Timings())] = field(default_factory=_Timings)

    @property
    def is_final(self) -> bool:
        return self.status in FINAL

    @property
    def lacks_video(self) -> bool:
        """Whether it is complete and shows no video."""
        return self.status == COMPLETED and not self.outputs

    @property
    def inference_ms(self) -> int:
        """Time the rendering took, milliseconds; 0 until done."""
        return self.timings.inference or self.execution_ms

    def was_given(self, marker: str) -> bool:
        """Whether one of its inputs is what `marker` stands for. Its inputs must have been asked for."""
        return markers.was_given(self.inputs or {}, marker)


@dataclass(frozen=True)
class PredictionPage:
    """One page of the list, newest first."""

    items: Annotated[tuple[Prediction, ...], Field(strict=False)]


@dataclass(frozen=True)
class Charged:
    """The prediction that an entry is about."""

    uuid: str


@dataclass(frozen=True)
class Billing:
    """One entry of the upstream's bill. `price_usd` is positive in a refund too."""

    __pydantic_config__ = _STRICT

    uuid: str
    billing_type: Literal["deduct", "refund"]
    price_usd: Annotated[Decimal, Field(strict=False, validation_alias="price")]
    created_at: AwareDatetime
    prediction: Charged | None = None

    @property
    def prediction_id(self) -> str | None:
        return self.prediction.uuid if self.prediction else None


@dataclass(frozen=True)
class BillingPage:
    """One page of the bill, newest first."""

    items: Annotated[tuple[Billing, ...], Field(strict=False)]
    has_more: bool


@dataclass(frozen=True)
class PutInstruction:
    """A request that carries a file: exactly these headers, and no key."""

    method: Literal["PUT"]
    url: str
    headers: dict[str, str]


@dataclass(frozen=True)
class Ticket:
    """Room for one file; `download_url` reads it without a key once it is there."""

    download_url: str
    upload: PutInstruction


@dataclass(frozen=True)
class Balance:
    balance: Annotated[Decimal, Field(strict=False)]


@dataclass(frozen=True)
class Price:
    price: Annotated[Decimal, Field(strict=False)]


@dataclass(frozen=True)
class Secret:
    secret: str = field(repr=False)


@dataclass(frozen=True)
class Offer:
    """A model the upstream has."""

    model_id: str


@dataclass(frozen=True)
class Envelope(Generic[Content]):
    """What every answer comes in; `content` is None where it is an error after all."""

    code: int
    message: Annotated[str, _or("")] = ""
    content: Annotated[Content | None, Field(validation_alias="data")] = None

    def expected(self) -> Content:
        """The content of an answer that is a success. `Reader` lets none through without."""
        assert self.content is not None  # noqa: S101 - a promise of this module to itself
        return self.content


class Reader(Generic[Content]):
    """Reads one kind of answer."""

    def __init__(self, kind: type[Content]) -> None:
        self._adapter: TypeAdapter[Envelope[Content]] = TypeAdapter(Envelope[kind], config=_STRICT)  # type: ignore[valid-type]

    def read(self, body: bytes, what: str) -> Envelope[Content]:
        """Raises Unreadable, naming the first place that is wrong and nothing of what stands there."""
        envelope = _read(self._adapter, body, f"WaveSpeed's answer to {what}")
        if envelope.content is None and envelope.code == HTTPStatus.OK:
            raise Unreadable(f"WaveSpeed's answer to {what} cannot be read: data is missing.")
        return envelope


_PREDICTION: Final[TypeAdapter[Prediction]] = TypeAdapter(Prediction)


def read_callback(body: bytes) -> Prediction:
    """Read the body of a webhook, which is a prediction without an envelope. Raises Unreadable."""
    return _read(_PREDICTION, body, "WaveSpeed's webhook")


def _read(adapter: TypeAdapter[Content], body: bytes, whose: str) -> Content:
    try:
        return adapter.validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Unreadable(f"{whose} cannot be read: {f'{place}: ' if place else ''}{first['msg']}.") from None


def read_code(body: bytes) -> int | None:
    """The code of an error's envelope; None where there is no such envelope."""
    try:
        found = from_json(body)
    except ValueError:
        return None
    code = found.get("code") if isinstance(found, dict) else None
    return code if isinstance(code, int) else None


def read_message(body: bytes) -> str:
    """The sentence inside an error, in an envelope or bare; nothing where there is none."""
    try:
        found = from_json(body)
    except ValueError:
        return ""
    texts = [found.get(name) for name in ("message", "error")] if isinstance(found, dict) else []
    return next((text for text in texts if isinstance(text, str)), "")
