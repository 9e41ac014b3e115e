"""The demo's own picture and voices: two people who do not exist, and a dialogue they never had."""

import io
from importlib import resources

from cli.demo_media.people import draw_people


def picture() -> bytes:
    """Draw the two people of the demo; the bytes of a PNG, 1280 x 720."""
    buffer = io.BytesIO()
    draw_people(1280, 720, [(0.27, 0.45), (0.73, 0.45)], 0.42).save(buffer, "PNG")
    return buffer.getvalue()


def voices() -> tuple[bytes, bytes]:
    """Give what the left and the right one say, about 3.5 seconds each; the bytes of two FLAC files."""
    folder = resources.files(__package__)
    return (folder / "left.flac").read_bytes(), (folder / "right.flac").read_bytes()
