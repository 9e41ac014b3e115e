"""`duologue accounts`: who may use the house, within which limits and with which money; for operators alone."""

from decimal import Decimal
from typing import Annotated, Any

import typer

from cli import account_view, reach, treasury
from cli import terms as read
from cli.options import DEFAULT_DATA, AsJson, DataDir
from cli.screen import out, say, show_json
from cli.terms import Limit
from cli.treasury import Row
from jobs.rules.turns import WEIGHT_MAX
from jobs.terms import Changes

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Accounts: make them, limit them, and move their money."
)

Name = Annotated[str, typer.Argument(callback=read.name, help="What the account is called.")]
_COUNT: dict[str, Any] = {"metavar": "N", "parser": read.limit(read.count)}
_BUDGET: dict[str, Any] = {"metavar": "USD", "parser": read.limit(read.usd)}


@app.command("list")
def list_accounts(data: DataDir = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """Show every account with its money."""
    with reach.current_database(data):
        rows = treasury.rows()
    if as_json:
        show_json(rows)
    elif rows:
        out.print(account_view.table(rows))
    else:
        say("There are no accounts yet; `duologue accounts create NAME` makes one.")


@app.command()
def show(name: Name, data: DataDir = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """Show one account: its money, its budgets and its limits."""
    with reach.current_database(data):
        row = treasury.row(name)
    _show(row, as_json=as_json)


@app.command()
def create(
    name: Name,
    *,
    prepaid: Annotated[bool, typer.Option("--prepaid", help="Have it spend no more than it has.")] = False,
    data: DataDir = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Make an account; `duologue keys create --account NAME` makes it a key."""
    with reach.current_database(data):
        row = treasury.create(name, is_prepaid=prepaid)
    _show(row, as_json=as_json)


@app.command()
def limit(
    name: Name,
    *,
    prepaid: Annotated[
        bool | None, typer.Option("--prepaid/--unlimited", help="Have it spend no more than it has, or what it likes.")
    ] = None,
    weight: Annotated[
        int | None, typer.Option(min=1, max=WEIGHT_MAX, help="Its share of every queue, against the others' weights.")
    ] = None,
    submits_per_minute: Annotated[Limit | None, typer.Option(**_COUNT, help="Jobs it may submit a minute.")] = None,
    running: Annotated[Limit | None, typer.Option(**_COUNT, help="Its jobs at once; more wait.")] = None,
    waiting: Annotated[Limit | None, typer.Option(**_COUNT, help="Its jobs that may wait; more are refused.")] = None,
    models: Annotated[
        Limit | None, typer.Option(metavar="A,B", parser=read.limit(read.models), help="The models it may order.")
    ] = None,
    engines: Annotated[
        Limit | None, typer.Option(metavar="A,B", parser=read.limit(read.engines), help="What may render for it.")
    ] = None,
    budget_soft: Annotated[Limit | None, typer.Option(**_BUDGET, help="A month's spending that is told of.")] = None,
    budget_hard: Annotated[Limit | None, typer.Option(**_BUDGET, help="The most it may spend in a month.")] = None,
    resend_unproven: Annotated[
        bool | None,
        typer.Option("--resend-unproven/--keep-unproven", help="Send again what the upstream may have charged."),
    ] = None,
    pay_cancelled: Annotated[
        bool | None,
        typer.Option("--pay-cancelled/--free-cancelled", help="Charge what is cancelled while at the upstream."),
    ] = None,
    data: DataDir = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Allow an account more or less from its next job on; `none` clears a limit, what is not named stays."""
    given = {
        "submits_per_minute": submits_per_minute,
        "running_max": running,
        "waiting_max": waiting,
        "models": models,
        "engines": engines,
        "budget_soft_usd": budget_soft,
        "budget_hard_usd": budget_hard,
    }
    changes = Changes(**{name: limit.value for name, limit in given.items() if limit is not None})  # type: ignore[typeddict-item]  # read by the parsers above
    switches = {
        "weight": weight,
        "is_prepaid": prepaid,
        "resends_unproven": resend_unproven,
        "pays_cancelled": pay_cancelled,
    }
    changes.update({name: switch for name, switch in switches.items() if switch is not None})
    if not changes:
        raise typer.BadParameter("name at least one limit; `duologue accounts limit --help` lists them")
    with reach.current_database(data):
        row = treasury.change(name, changes)
    _show(row, as_json=as_json)


@app.command()
def pause(
    name: Name,
    because: Annotated[str, typer.Option(help="Why, for whoever waits.")] = "an operator said so",
    data: DataDir = DEFAULT_DATA,
) -> None:
    """Let no job of an account begin; what runs goes on, and orders are taken."""
    with reach.current_database(data):
        treasury.pause(name, because)
    say(f"Account {name} is paused; `duologue accounts resume {name}` lets it go on.")


@app.command()
def resume(name: Name, data: DataDir = DEFAULT_DATA) -> None:
    """Let an account's jobs begin again, in turn with everybody's."""
    with reach.current_database(data):
        treasury.resume(name)
    say(f"Account {name} goes on.")


@app.command()
def topup(
    name: Name,
    amount: Annotated[Decimal, typer.Argument(metavar="USD", parser=read.usd, help="How much, for example 50.")],
    note: Annotated[str, typer.Option(help="Why, for example an invoice; the account sees it.")] = "",
    data: DataDir = DEFAULT_DATA,
) -> None:
    """Add money to an account."""
    with reach.current_database(data):
        row = treasury.top_up(name, amount, note)
    _say_balance(row)


# A correction may be less than nothing, which the command's parser would else take for an option.
@app.command(context_settings={"ignore_unknown_options": True})
def adjust(
    name: Name,
    amount: Annotated[Decimal, typer.Argument(metavar="USD", parser=read.signed_usd, help="Up, or down as -2.50.")],
    note: Annotated[str, typer.Option(help="Why; the account sees it.")],
    data: DataDir = DEFAULT_DATA,
) -> None:
    """Correct an account's money, up or down."""
    with reach.current_database(data):
        row = treasury.adjust(name, amount, note)
    _say_balance(row)


def _show(row: Row, *, as_json: bool) -> None:
    if as_json:
        show_json(row)
    else:
        for line in account_view.lines(row):
            out.print(line, soft_wrap=True)


def _say_balance(row: Row) -> None:
    say(f"Account {row['name']} has {row['available_usd']:.2f} USD.")
