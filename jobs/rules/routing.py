"""Which engine renders a job, and why, in a sentence."""

from collections.abc import Collection
from dataclasses import dataclass

from jobs.errors import WrongInput

WISHES = ("auto", "gpu", "cloud", "preview")
_PREFERENCE = ("gpu", "cloud", "preview")


@dataclass(frozen=True)
class Route:
    engine: str
    reason: str


def choose(wish: str, configured: Collection[str]) -> Route:
    """Follow the caller's wish, or take the first configured of gpu, cloud and preview.

    Raises WrongInput for a wish that is unknown or not configured here.
    """
    if wish not in WISHES:
        raise WrongInput(f"engine must be one of {', '.join(WISHES)}.", field="engine")
    if wish != "auto":
        if wish not in configured:
            raise WrongInput(f"engine {wish} is not configured here; there is {', '.join(configured)}.", field="engine")
        return Route(wish, f"{wish} was asked for")
    engine = next(name for name in _PREFERENCE if name in configured)
    others = [name for name in _PREFERENCE[: _PREFERENCE.index(engine)] if name not in configured]
    return Route(engine, f"auto: {engine}" + (f", because {' and '.join(others)} are not configured" if others else ""))
