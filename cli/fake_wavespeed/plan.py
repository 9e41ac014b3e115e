"""How the fake is to behave, decided before it starts: its keys, pace, output and faults."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from cli.failure import Failure
from cli.fake_wavespeed.faults import SWITCHES
from jobs.rules.tiers import TIERS, Tier

DEFAULT_KEY = "fake-key"
_PLAIN_RATE = 0.1


@dataclass(frozen=True)
class Key:
    """A bearer key, which is an account of its own here, with its limits."""

    text: str = field(repr=False)
    tier: Tier


@dataclass(frozen=True)
class Plan:
    """Everything that can be chosen. The same plan and the same requests in the same order meet the same faults."""

    seed: int = 1
    keys: tuple[Key, ...] = (Key(DEFAULT_KEY, TIERS["ultra"]),)
    credit_usd: Decimal = Decimal(1000)
    faults: Mapping[str, float] = field(default_factory=dict)
    latency_seconds: float = 0.0
    speed: float = 1.0
    """Seconds of video made in a second."""
    fetches: bool = True
    """Whether media are downloaded and measured; if not, all exist and every voice lasts `assumed_seconds`."""
    assumed_seconds: float = 5.0
    video_bytes: int = 0
    """Length of every output; 0 is as small as a video is."""
    output_bytes_per_second: float = 65_536.0
    """What a slow output trickles at."""
    list_lag_seconds: float = 0.0
    """How long after the submit a prediction is not in the list yet, for all of them."""
    shows_inputs: bool = True
    """Whether the list shows what predictions were given, where that is asked for."""
    late_seconds: float = 5.0
    """How late late things are: webhooks, refunds, outputs, entries in the list."""
    clock_ahead_seconds: float = 0.0
    """How wrong its clock is; its answers, their Date header and its list go by it."""
    minute_seconds: float = 60.0
    """How long the minute of the limits is."""
    sync_seconds: float = 120.0
    minimum_seconds: int = 5
    webhook_tries: int = 3


def read_keys(text: str) -> tuple[Key, ...]:
    """`KEY=TIER,KEY=TIER`; a key without a tier is bronze. Raises Failure with a sentence."""
    pairs = [part.strip().partition("=") for part in text.split(",") if part.strip()]
    if not pairs:
        raise Failure("--keys must name at least one key, such as fake-key=ultra.")
    for _, _, tier in pairs:
        if tier and tier not in TIERS:
            raise Failure(f"There is no tier {tier}; write one of {', '.join(TIERS)} after the key, as in my-key=gold.")
    return tuple(Key(text, TIERS[tier or "bronze"]) for text, _, tier in pairs)


def read_faults(text: str) -> dict[str, float]:
    """`NAME=RATE,NAME=RATE`, rates 0 to 1, 0.1 if left out; `all` stands for every name. Raises Failure."""
    rates: dict[str, float] = {}
    for name, _, rate in (part.strip().partition("=") for part in text.split(",") if part.strip()):
        named = dict.fromkeys(SWITCHES if name == "all" else (name,), _rate(name, rate))
        rates |= checked(named)
    return rates


def checked(rates: Mapping[str, float]) -> dict[str, float]:
    """The same rates if every name is a switch and every rate a probability. Raises Failure."""
    for name, rate in rates.items():
        if name not in SWITCHES:
            raise Failure(f"There is no fault {name}; there are {', '.join(SWITCHES)}, and all.")
        if not 0 <= rate <= 1:
            raise Failure(f"The rate of {name} must be from 0 to 1, not {rate:g}.")
    return dict(rates)


def _rate(name: str, text: str) -> float:
    try:
        return float(text) if text else _PLAIN_RATE
    except ValueError:
        raise Failure(f"The rate of {name} must be a number from 0 to 1, not {text}.") from None
