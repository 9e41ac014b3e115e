"""`duologue migrate`: the database's schema brought to what this release expects."""

from cli import reach
from cli.options import DEFAULT_DATA, DataDir
from cli.screen import out
from jobs import schema


def migrate(data: DataDir = DEFAULT_DATA) -> None:
    """Run the database migrations that are missing; safe to run twice, and beside a running system."""
    with reach.current_database(data):
        out.print(f"The schema is current: {schema.newest()}.")
