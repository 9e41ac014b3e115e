"""The options several commands share, so that they mean the same everywhere."""

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_DATA = Path(".duologue")


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


DataDir = Annotated[
    Path,
    typer.Option(
        "--data",
        metavar="DIR",
        envvar="DUOLOGUE_DATA_DIR",
        callback=_absolute,
        file_okay=False,
        help="Folder of the embedded servers and of all they keep.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
