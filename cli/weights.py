"""`duologue weights`: looks at a folder of model weights without a GPU, or writes a tiny one to try everything with."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from cli.environment import ROOT
from cli.failure import Failure
from workers.engines.gpu.fitness import INSTALL, LIBRARIES

app = typer.Typer(no_args_is_help=True, help="The model's weights: are they whole; or tiny ones to try things with.")

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The folder that DUOLOGUE_GPU_WEIGHTS names.")]


@app.command()
def check(folder: Folder) -> None:
    """Compare files with models by their headers: what is there, what is missing or unexpected. Needs no GPU."""
    _run("check", folder)


@app.command()
def tiny(folder: Folder) -> None:
    """Write tiny random weights in the original's layout; the engine runs on them on any CPU, and shows noise."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Failure(
            f"{folder} is not empty: name a folder that is, or none yet, so that no real weights are replaced."
        )
    _run("tiny", folder)


def _run(verb: str, folder: Path) -> None:
    """In a process of its own: the desk starts fast, and without what only the model needs."""
    missing = [name for name in LIBRARIES if find_spec(name) is None]
    if missing:
        raise Failure(f"{' and '.join(missing)} cannot be imported: {INSTALL}.")
    command = [sys.executable, "-m", "workers.infinitetalk.weights", verb, str(folder.expanduser().absolute())]
    raise typer.Exit(subprocess.run(command, cwd=ROOT, check=False).returncode)
