"""Which jobs of all accounts an operator means, and a page of them, newest first; reads only.

What indexes know narrows the search: states, account, batch, kind of failure, tag, time, the beginning of an id. The
rest is looked for among the newest of what is left, at most `LOOKED_AT_MAX` at once: a page says how far it looked, and
the next goes on from there. So no question takes longer the more jobs there are.
"""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Text, cast, func, literal, or_, select, true, union_all
from sqlalchemy.orm import Session

from jobs import ids
from jobs.rules import moments
from jobs.rules.states import State
from jobs.tables import Account, Job

LOOKED_AT_MAX: Final = 5_000
_ID_LETTERS: Final = 32
_PREFIX_LETTERS: Final = 8
"""So much of an id is taken for one: less may be a word."""
_NOBODY: Final = uuid.UUID(int=0)
"""An id that nothing has; None would ask for what has none."""
_UNFINISHED: Final = frozenset(state for state in State if not state.is_final)


@dataclass(frozen=True)
class Pick:
    """What must hold of a job; what is empty does not matter. `text` is searched in id, tags, inputs and error."""

    states: tuple[str, ...] = ()
    account: str = ""
    model: str = ""
    engine: str = ""
    batch: str = ""
    error_class: str = ""
    group: str = ""
    tag: str = ""
    text: str = ""
    after: datetime | None = None
    until: datetime | None = None

    @classmethod
    def of_json(cls, kept: Mapping[str, Any]) -> "Pick":
        """What `as_json` wrote."""
        moments_of = {name: datetime.fromisoformat(kept[name]) for name in ("after", "until") if kept.get(name)}
        rest = {one.name: kept[one.name] for one in fields(cls) if one.name in kept and one.name not in moments_of}
        return cls(**rest | {"states": tuple(kept.get("states", ()))} | moments_of)

    def as_json(self) -> dict[str, Any]:
        """Only what matters, so that it can be kept and read by people."""
        found = {one.name: getattr(self, one.name) for one in fields(self)}
        return {
            name: value.isoformat() if isinstance(value, datetime) else list(value) if name == "states" else value
            for name, value in found.items()
            if value
        }

    @property
    def id_prefix(self) -> str:
        """The text, where it can be the beginning of an id."""
        text = self.text.replace("-", "").lower()
        is_hex = all(letter in "0123456789abcdef" for letter in text)
        return text if is_hex and _PREFIX_LETTERS <= len(text) <= _ID_LETTERS else ""


@dataclass(frozen=True)
class Found:
    """A page of jobs with their accounts' names. `next_before` is where to go on; None where nothing is left."""

    jobs: list[tuple[Job, str]]
    looked_at: int
    next_before: uuid.UUID | None


def page(session: Session, pick: Pick, *, before: uuid.UUID | None, limit: int, most: int = LOOKED_AT_MAX) -> Found:
    """Jobs that fit, newest first, older than `before`; at most `limit`, among the newest `most` that indexes find."""
    by_looking = list(_by_looking(pick))
    most = most if by_looking else limit + 1  # where indexes know all of it, the page is what they find
    looked = _newest(session, pick, before, most).cte("looked").prefix_with("MATERIALIZED", dialect="postgresql")
    fitting = select(Job, Account.name).join(Account, Account.id == Job.account_id)
    fitting = fitting.where(Job.id.in_(select(looked.c.id)), *by_looking).order_by(Job.id.desc()).limit(limit + 1)
    jobs = [(job, name) for job, name in session.execute(fitting)]
    if len(jobs) > limit or not by_looking:
        return Found(jobs[:limit], len(jobs), jobs[limit - 1][0].id if len(jobs) > limit else None)
    last = select(looked.c.id).order_by(looked.c.id).limit(1).scalar_subquery()
    looked_at, last_id = session.execute(select(func.count(), last).select_from(looked)).one()
    return Found(jobs, looked_at, last_id if looked_at == most else None)


def count(session: Session, pick: Pick, most: int) -> int:
    """How many jobs fit among the newest `most` that indexes find."""
    looked = _newest(session, pick, None, most).subquery()
    by_looking = list(_by_looking(pick))
    if not by_looking:
        return session.execute(select(func.count()).select_from(looked)).scalar_one()
    fitting = select(func.count()).select_from(Job).join(looked, looked.c.id == Job.id).where(*by_looking)
    return session.execute(fitting).scalar_one()


def _newest(session: Session, pick: Pick, before: uuid.UUID | None, most: int) -> Select[Any]:
    """The ids of the newest `most` that indexes find, each state by the index that is made for it."""
    conditions = [*_by_index(session, pick), *([Job.id < before] if before is not None else [])]
    ways = [
        _of_states(conditions, state, most, is_rare=bool(pick.tag)).subquery()
        for state in (pick.states or (None,))
        if state is None or state in set(State)
    ]
    if not ways:
        return select(Job.id).where(~true())
    found = union_all(*(select(way.c.id) for way in ways)).subquery()
    return select(found.c.id).order_by(found.c.id.desc()).limit(most)


def _of_states(conditions: list[ColumnElement[bool]], state: str | None, most: int, *, is_rare: bool) -> Select[Any]:
    """What is unfinished, or has a certain tag, is few beside all there are, and perhaps old: not looked for by ids."""
    within = select(Job.id).where(*conditions)
    if state is not None:
        within = within.where(Job.status == literal(state, literal_execute=True))
    if not is_rare and state not in _UNFINISHED:
        return within.order_by(Job.id.desc()).limit(most)
    fenced = within.offset(0).subquery()  # Postgres plans it for itself
    return select(fenced.c.id).order_by(fenced.c.id.desc()).limit(most)


def _by_index(session: Session, pick: Pick) -> Iterator[ColumnElement[bool]]:
    if pick.account:
        account_id = session.scalars(select(Account.id).where(Account.name == pick.account)).one_or_none()
        yield Job.account_id == (account_id or _NOBODY)
    if pick.batch:
        yield Job.batch_id == _as_id(pick.batch)
    if pick.group:
        yield Job.error_group == (ids.parse(pick.group) or _NOBODY)
    if pick.tag:
        yield Job.is_tagged(pick.tag)
    if pick.after is not None:
        yield Job.id >= moments.first_id(pick.after)
    if pick.until is not None:
        yield Job.id < moments.first_id(pick.until)
    if pick.id_prefix:
        first = uuid.UUID(hex=pick.id_prefix.ljust(_ID_LETTERS, "0"))
        last = uuid.UUID(hex=pick.id_prefix.ljust(_ID_LETTERS, "f"))
        yield Job.id.between(first, last)


def _by_looking(pick: Pick) -> Iterator[ColumnElement[bool]]:
    for column, wanted in ((Job.model, pick.model), (Job.engine, pick.engine), (Job.error_class, pick.error_class)):
        if wanted:
            yield column == wanted
    if pick.text and not pick.id_prefix:
        yield or_(
            Job.tags.contains([pick.text]),
            Job.custom_id == pick.text,
            Job.error.icontains(pick.text, autoescape=True),
            cast(Job.inputs, Text).icontains(_as_in_json(pick.text), autoescape=True),
        )


def _as_id(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(hex=text)
    except ValueError:
        return _NOBODY


def _as_in_json(text: str) -> str:
    """As JSON text writes it: searched where the inputs stand as they are kept."""
    return text.replace("\\", "\\\\").replace('"', '\\"')
