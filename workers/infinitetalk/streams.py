"""Finds the film in a file: a cover is a stream of pictures too, and may come first, but it does not move."""

from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream


def moving(container: InputContainer) -> VideoStream | None:
    """The first stream of moving pictures; None where there is none."""
    return next((one for one in container.streams.video if not one.disposition & Disposition.attached_pic), None)
