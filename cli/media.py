"""Media of an order as a terminal names them: a link stays as it is, a file is uploaded first."""

from pathlib import Path

from cli.client import Api
from cli.failure import Failure


def link_to(api: Api, field: str, place: str) -> str:
    """A link the workers can read. Raises Failure when `place` is neither a link nor a file."""
    if place.lower().startswith(("http://", "https://", "data:")):
        return place
    try:
        path = Path(place).expanduser()
    except RuntimeError:  # nobody of that name has a home here
        raise Failure(f"{field}: there is no file {place}.") from None
    try:
        if not path.is_file():
            raise Failure(f"{field}: there is no file {place}.")
        if path.stat().st_size == 0:
            raise Failure(f"{field}: the file {place} is empty.")
        return api.upload(path)
    except OSError as error:
        raise Failure(f"{field}: the file {place} cannot be read: {error.strerror or error}.") from None
