"""`duologue upstream`: how our keys at WaveSpeed stand, and what is there for us."""

from typing import Any

from cli import reach
from cli.options import DEFAULT_DATA, AsJson, DataDir
from cli.screen import out, say, show_json
from cli.sheet import Sheet
from jobs import upstream as keys
from jobs.database import transaction


def upstream(*, data: DataDir = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Show every key's tier, what runs there, what nobody knows of, and until when it rests."""
    with reach.current_database(data):
        rows = _rows()
    if as_json:
        show_json(rows)
        return
    names = ("key", "tier", "running", "in doubt", "rests until", "because")
    out.print(Sheet(names, [tuple(str(value or "") for value in row.values()) for row in rows]))
    if any(row["in_doubt"] for row in rows):
        say("Jobs in doubt are looked up at the upstream before anything is sent again.")


def _rows() -> list[dict[str, Any]]:
    with transaction() as session:
        return [
            {
                "key": one.key.name,
                "tier": one.key.tier.name,
                "running": one.running,
                "in_doubt": one.in_doubt,
                "closed_until": one.closed_until,
                "closed_because": one.closed_because,
            }
            for one in keys.standings(session, keys.configured())
        ]
