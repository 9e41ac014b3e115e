"""Runs the fake as a program: `python -m cli.fake_wavespeed --port 8100`."""

import typer

from cli.fake_wavespeed.command import fake_wavespeed
from cli.screen import complain
from jobs.errors import DuologueError

if __name__ == "__main__":
    try:
        typer.run(fake_wavespeed)
    except DuologueError as error:
        complain(str(error))
        raise SystemExit(1) from None
