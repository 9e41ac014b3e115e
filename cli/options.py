"""The options several commands share, so that they mean the same everywhere."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

DEFAULT_DATA = Path(".duologue")


def absolute(path: Path) -> Path:
    """Refuse at once a place where no folder can be; one that is only not ours to use is told later, by whom."""
    try:
        place = path.expanduser().absolute()
    except RuntimeError as error:  # what pathlib says of somebody's home that is not there
        raise typer.BadParameter(str(error)) from None
    try:
        with suppress(FileNotFoundError, PermissionError):
            place.stat()
    except OSError as error:
        raise typer.BadParameter(f"no folder can be there: {(error.strerror or str(error)).lower()}") from None
    return place


def in_a_folder(path: Path | None) -> Path | None:
    """Refuse at once a file that could not be written after all the work."""
    if path is not None and not path.absolute().parent.is_dir():
        raise typer.BadParameter(f"there is no folder {path.absolute().parent}")
    return path


DataDir = Annotated[
    Path,
    typer.Option(
        "--data",
        metavar="DIR",
        envvar="DUOLOGUE_DATA_DIR",
        callback=absolute,
        file_okay=False,
        help="Folder of the embedded servers and of all they keep.",
    ),
]
JobId = Annotated[str, typer.Argument(metavar="ID", help="The 32 digits `duologue submit` printed.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Output = typer.Option(metavar="FILE", dir_okay=False, callback=in_a_folder, help="Where to save the video.")
