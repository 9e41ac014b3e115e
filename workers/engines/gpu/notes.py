"""What there is to tell a caller once the media are open: wishes that lead nowhere, and those that cannot be."""

from collections.abc import Iterator

from jobs.errors import EngineError
from workers.engines.gpu.plan import Plan
from workers.infinitetalk import timeline
from workers.infinitetalk.sizes import FRAMES_PER_SECOND


def of(plan: Plan, frames: int, size: tuple[int, int]) -> tuple[str, ...]:
    """Warnings for the caller. Raises EngineError for a box beside the picture, whose height and width are `size`."""
    for box in plan.shoot.boxes:
        _check_inside(box, *size)
    return tuple(_warnings(plan, frames))


def _check_inside(box: tuple[int, int, int, int], height: int, width: int) -> None:
    left, top, _, _ = box
    if left >= width or top >= height:
        where = f"{list(box)} lies beside it"
        raise EngineError(f"The picture is {width} x {height} pixels, and the box {where}.", permanent=True)


def _warnings(plan: Plan, frames: int) -> Iterator[str]:
    seconds, chunks = frames / FRAMES_PER_SECOND, timeline.chunk_count(frames, plan.recipe.span)
    late = [start / FRAMES_PER_SECOND for start in plan.shoot.prompts if start >= frames]
    if late:
        yield f"The video is {seconds:.2f} s long; the prompt from {late[0]:g} s on is not reached."
    unused = [chunk for chunk in plan.recipe.seeds if chunk >= chunks]
    if unused:
        yield f"The video has {chunks} chunks; the seed of chunk {unused[0]} is not used."
