"""The filters of the jobs' list: read off an address or a form, and what they mean."""

from datetime import UTC, datetime
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import Depends

from api.console.fields import FILTER_MAX_LETTERS, Fields, Filter
from jobs.errors import WrongInput
from jobs.picking import Pick
from jobs.rules.states import State

UNFINISHED: Final = "unfinished"
NAMES: Final = ("state", "account", "model", "engine", "batch", "error_class", "group", "tag", "q", "after", "until")
_MEANT: Final = {"state": "states", "q": "text"}


def read_address(  # noqa: PLR0917 - FastAPI gives each by its name
    state: Filter = "",
    account: Filter = "",
    model: Filter = "",
    engine: Filter = "",
    batch: Filter = "",
    error_class: Filter = "",
    group: Filter = "",
    tag: Filter = "",
    q: Filter = "",
    after: Filter = "",
    until: Filter = "",
) -> dict[str, str]:
    """The filters of the address, by name."""
    given = (state, account, model, engine, batch, error_class, group, tag, q, after, until)
    return {name: value for name, value in zip(NAMES, given, strict=True) if value}


Wanted = Annotated[dict[str, str], Depends(read_address)]
"""The filters that came in the address, those that are empty left out."""


def of_form(fields: Fields) -> dict[str, str]:
    """The filters that a form brings along. Raises WrongInput."""
    given = {
        name: fields.text(name, name, max_letters=FILTER_MAX_LETTERS, is_required=False)
        for name in NAMES
        if name in dict(fields)
    }
    return {name: value for name, value in given.items() if value}


def pick(wanted: dict[str, str]) -> Pick:
    """What the filters mean. Raises WrongInput for a state or a moment that cannot be."""
    rest = {_MEANT.get(name, name): value for name, value in wanted.items() if name not in {"state", "after", "until"}}
    moments = {name: _moment(name, wanted[name]) for name in ("after", "until") if name in wanted}
    return Pick(states=_states(wanted.get("state", "")), **rest, **moments)  # type: ignore[arg-type]  # texts and moments, each by its name


def address(path: str, wanted: dict[str, str]) -> str:
    return f"{path}?{urlencode(wanted)}" if wanted else path


def said(wanted: dict[str, str]) -> str:
    """The filters in words, for a page that asks whether it is meant."""
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in wanted.items()) or "every job there is"


def _states(given: str) -> tuple[str, ...]:
    if given == UNFINISHED:
        return tuple(state.value for state in State if not state.is_final)
    known = tuple(state.value for state in State)
    if given and given not in known:
        raise WrongInput(f"The state is one of {', '.join((*known, UNFINISHED))}.", field="state")
    return (given,) if given else ()


def _moment(name: str, given: str) -> datetime:
    try:
        found = datetime.fromisoformat(given)
    except ValueError:
        raise WrongInput(f"{name} is a moment such as 2026-11-29T18:00, in UTC.", field=name) from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
