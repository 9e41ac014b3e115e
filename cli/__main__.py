"""`python -m cli` is `duologue`, also where the command is not installed."""

from cli.main import app

app(prog_name="duologue")
