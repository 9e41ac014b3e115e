"""Opens an order's voices and its picture or film; what cannot be used is the order's fault, and said so."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
from PIL import UnidentifiedImageError

from jobs.errors import EngineError
from workers.engines.engine import Order
from workers.infinitetalk import shoot as shoots
from workers.infinitetalk import staging
from workers.infinitetalk.shoot import Shoot, Voices
from workers.infinitetalk.sizes import BucketTable
from workers.infinitetalk.source import Footage, Still
from workers.intake import whitelist

Source = Still | Footage


def hear(shoot: Shoot) -> Voices:
    """Read the voices. Raises EngineError for what is no sound, or shorter than a frame."""
    try:
        voices = shoots.hear(shoot)
        frames = voices.frames
    except (av.FFmpegError, ValueError) as error:
        names = " and ".join(path.name for path in shoot.voices if path is not None)
        raise EngineError(f"The voice cannot be read ({names}): {error}.", permanent=True) from error
    if not frames:
        raise EngineError("The voices are shorter than one frame of video, 0.04 s.", permanent=True)
    return voices


@contextmanager
def opened(order: Order, table: BucketTable) -> Iterator[Source]:
    """Open what is to be animated, and close it again. Raises EngineError."""
    if order.picture is not None:
        yield _still(order.picture, table)
    elif order.video is not None:
        with _footage(order.video, table) as footage:
            yield footage
    else:
        raise EngineError("There is neither a picture nor a video to animate.", permanent=True)


def _still(path: Path, table: BucketTable) -> Still:
    try:
        return Still(staging.open_picture(path), table)
    except UnidentifiedImageError as error:
        raise EngineError(f"The picture {path.name} cannot be read.", permanent=True) from error


def _footage(path: Path, table: BucketTable) -> Footage:
    try:
        return Footage(path, table, whitelist.FILM, whitelist.FILM_DECODER)
    except (av.FFmpegError, ValueError) as error:
        raise EngineError(f"The video {path.name} cannot be read: {error}.", permanent=True) from error
