"""Accounts as operators read them in a terminal; knows the rows of `treasury`."""

from collections.abc import Iterator

from rich.table import Table
from rich.text import Text

from cli.screen import moment
from cli.treasury import Row

_FAMILY = "wavespeed-ai/"


def table(rows: list[Row]) -> Table:
    """One line an account, its money in USD."""
    found = Table(box=None, pad_edge=False)
    found.add_column("account", overflow="fold")
    found.add_column("terms")
    for name in ("to spend", "held", "this month"):
        found.add_column(name, justify="right")
    found.add_column("limits", overflow="fold")
    for row in rows:
        money = (_usd(row[name]) for name in ("available_usd", "held_usd", "month_usd"))
        found.add_row(Text(row["name"]), _terms(row), *money, ", ".join([*_paused(row), *_limits(row)]))
    return found


def lines(row: Row) -> Iterator[Text]:
    """Everything about one account."""
    facts = {
        "account": row["name"],
        "terms": _terms(row),
        "to spend": f"{_usd(row['available_usd'])} USD",
        "held": f"{_usd(row['held_usd'])} USD for unfinished jobs",
        "this month": f"{_usd(row['month_usd'])} USD",
        "limits": ", ".join(_limits(row)) or "none",
        **({"paused": f"since {moment(row['paused_at'])}: {row['paused_because']}"} if row["paused_at"] else {}),
        "created": moment(row["created_at"]),
    }
    for name, fact in facts.items():
        yield Text(f"{name:<11} ", style="dim") + Text(style="not dim").append(fact)


def _terms(row: Row) -> str:
    return "prepaid" if row["is_prepaid"] else "unlimited"


def _paused(row: Row) -> list[str]:
    return ["paused"] if row["paused_at"] else []


def _limits(row: Row) -> Iterator[str]:
    """Each limit there is, in words."""
    said = {
        "submits_per_minute": "{} submits a minute",
        "running_max": "{} at once",
        "waiting_max": "{} waiting",
        "budget_soft_usd": "told of at {:.2f} USD a month",
        "budget_hard_usd": "no more than {:.2f} USD a month",
    }
    if row["weight"] != 1:
        yield f"weight {row['weight']}"
    for name, words in said.items():
        if row[name] is not None:
            yield words.format(row[name])
    if row["models"] is not None:
        yield "models " + " ".join(model.removeprefix(_FAMILY) for model in row["models"])
    if row["engines"] is not None:
        yield "engines " + " ".join(row["engines"])
    if row["resends_unproven"]:
        yield "sends again what may be charged"
    if row["pays_cancelled"]:
        yield "pays what it cancels at the upstream"


def _usd(amount: float) -> str:
    return f"{amount:.2f}"
