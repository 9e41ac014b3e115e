"""`duologue views`: let Grafana, Metabase or a spreadsheet read the views of the schema `ops`."""

import typer

from cli import reach, whereabouts
from cli.options import DEFAULT_DATA, DataDir
from cli.screen import say
from jobs import views

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Views: let other programs read the figures.")


@app.command()
def password(data: DataDir = DEFAULT_DATA) -> None:
    """Give the read-only role a new password and print, alone, the URL to connect with. It is never shown again."""
    with reach.current_database(data):
        drawn = views.new_password()
        place = whereabouts.address("database_url")
    say(f"The role {views.ROLE} reads the views of the schema ops, and nothing else; its former password is void:")
    typer.echo(f"postgresql://{views.ROLE}:{drawn}@{place}")
