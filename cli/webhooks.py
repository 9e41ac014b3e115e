"""`duologue webhooks`: hear what happens without a public address, and look after the endpoints that are told of it."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.table import Table

from cli import door, hearing
from cli.client import Api, Json
from cli.options import DEFAULT_DATA, AsJson, DataDir
from cli.screen import out, say, show_json
from jobs.rules.deliveries import KINDS

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Webhooks: listen, endpoints, and their log.")

USUAL = ("job.completed", "job.failed", "job.cancelled")

Events = Annotated[
    list[str] | None, typer.Option("--event", help=f"What to hear of; may be repeated. One of {', '.join(KINDS)}.")
]
EndpointId = Annotated[str, typer.Argument(metavar="ID", help="The endpoint's 32 digits.")]


@app.command()
def listen(
    *,
    events: Events = None,
    forward_to: Annotated[
        str | None, typer.Option(metavar="URL", help="Post each to this program of yours, headers and all.")
    ] = None,
    count: Annotated[int | None, typer.Option(min=1, help="End after so many.")] = None,
    data: DataDir = DEFAULT_DATA,
) -> None:
    """Hear what happens from now on, each message verified; Ctrl-C ends it. Needs no public address."""
    with door.find(data) as api:
        made = api.ask("POST", "/v1/webhooks", json={"events": list(events or USUAL), "description": "duologue listen"})
        say(f"Listening for {', '.join(made['events'])}; Ctrl-C ends it. Messages are signed with:")
        say(made["secret"])
        try:
            hearing.follow(api, made, forward_to, count)
        except KeyboardInterrupt:
            say("No longer listening.")
        finally:
            api.ask("DELETE", f"/v1/webhooks/{made['id']}")


@app.command()
def create(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where to post; https, unless settings allow http.")],
    *,
    events: Events = None,
    description: Annotated[str, typer.Option(help="What you call it.")] = "",
    data: DataDir = DEFAULT_DATA,
) -> None:
    """Have what happens posted to a URL; prints the endpoint's id, and its secret beside it."""
    form = {"url": url, "events": list(events or USUAL), "description": description}
    with door.find(data) as api:
        made = api.ask("POST", "/v1/webhooks", json=form)
    say(f"Messages are signed with {made['secret']}")
    typer.echo(made["id"])


@app.command("list")
def list_endpoints(data: DataDir = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """Show every endpoint, what it is told and how it stands."""
    with door.find(data) as api:
        found = api.ask("GET", "/v1/webhooks")["webhooks"]
    if as_json:
        show_json(found)
    elif found:
        rows = [(one["id"], one["status"], one["url"] or "(listens)", " ".join(one["events"])) for one in found]
        out.print(_table(("id", "status", "url", "events"), rows))
    else:
        say("There are no endpoints yet; `duologue webhooks create URL` makes one.")


@app.command()
def delete(endpoint_id: EndpointId, data: DataDir = DEFAULT_DATA) -> None:
    """Delete an endpoint and its log."""
    with door.find(data) as api:
        api.ask("DELETE", f"/v1/webhooks/{endpoint_id}")
    say(f"Endpoint {endpoint_id} is deleted.")


@app.command("test")
def post_test(endpoint_id: EndpointId, data: DataDir = DEFAULT_DATA) -> None:
    """Have a test posted to an endpoint, once, and say how that went."""
    with door.find(data) as api:
        sent = api.ask("POST", f"/v1/webhooks/{endpoint_id}/test")
        told = hearing.wait_until_settled(api, sent["id"])
    say(f"The test is {told['status'].replace('_', ' ')}{_why(told)}.")
    if told["status"] != "delivered":
        raise typer.Exit(1)


@app.command()
def log(
    endpoint_id: EndpointId,
    *,
    status: Annotated[str | None, typer.Option(help="Only owed, delivered or given_up.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="At most so many.")] = 20,
    data: DataDir = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Show what an endpoint was told, newest first."""
    with door.find(data) as api:
        found = _deliveries(api, endpoint_id, status, limit)
    if as_json:
        show_json(found)
        return
    rows = [(one["id"], one["event"], one["status"], str(one["tries"]), one["reason"] or "") for one in found]
    out.print(_table(("id", "event", "status", "tries", "reason"), rows))


@app.command()
def resend(
    delivery_id: Annotated[str, typer.Argument(metavar="ID", help="The delivery's 32 digits.")],
    data: DataDir = DEFAULT_DATA,
) -> None:
    """Send one delivery again, with the id it had."""
    with door.find(data) as api:
        api.ask("POST", f"/v1/deliveries/{delivery_id}/resend")
    say(f"Delivery {delivery_id} is sent again.")


def _deliveries(api: Api, endpoint_id: str, status: str | None, limit: int) -> list[Json]:
    wanted = {"limit": limit} | ({"status": status} if status else {})
    found: list[Json] = api.ask("GET", f"/v1/webhooks/{endpoint_id}/deliveries", params=wanted)["deliveries"]
    return found


def _why(told: Json) -> str:
    return f": {told['reason']}" if told["reason"] else ""


def _table(names: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(names[0], no_wrap=True, min_width=32)
    for name in names[1:]:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table
