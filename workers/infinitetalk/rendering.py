"""Renders a video into a folder, chunk by chunk, so that whoever finds the folder goes on from its last chunk."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from workers.infinitetalk import film, pipeline, soundtrack, timeline
from workers.infinitetalk.film import Segment
from workers.infinitetalk.pipeline import Models
from workers.infinitetalk.progress import ChunkEnd, Frames, State, Step
from workers.infinitetalk.recipe import Recipe
from workers.infinitetalk.scene import Scene
from workers.infinitetalk.shoot import Voices

_STATE = "state.safetensors"


@dataclass(frozen=True)
class Take:
    """A folder in which a video comes to be: finished segments, and the state after the last of them."""

    folder: Path

    def segment(self, chunk: int) -> Path:
        return self.folder / f"chunk-{chunk:04}.mp4"

    def state(self) -> State | None:
        path = self.folder / _STATE
        return State.load(path) if path.is_file() else None

    def keep(self, state: State) -> None:
        """Replace the state; a reader finds the old or the new one, never half of either."""
        state.save(self.folder / f"{_STATE}.new")
        (self.folder / f"{_STATE}.new").replace(self.folder / _STATE)


def render(models: Models, scene: Scene, recipe: Recipe, take: Take) -> Iterator[Step | ChunkEnd]:
    """Render what the take does not hold yet, telling every step; a chunk's end is told once its segment is written.

    Close the iterator to cancel.
    """
    with closing(pipeline.speak(models, scene, recipe, state=take.state())) as speaking, ExitStack() as writing:
        segment: Segment | None = None
        for event in speaking:
            if isinstance(event, Frames):
                if segment is None:
                    height, width = event.pictures.shape[-2:]
                    segment = writing.enter_context(Segment(take.segment(event.chunk), width, height))
                segment.add(event.pictures)
            else:
                if isinstance(event, ChunkEnd):
                    writing.close()
                    segment = None
                    take.keep(event.state)
                yield event


def finish(take: Take, voices: Voices, recipe: Recipe, path: Path, metadata: dict[str, str] | None = None) -> int:
    """Join the take's segments with the voices as they came; return the number of frames."""
    count = timeline.chunk_count(voices.frames, recipe.span)
    sound = soundtrack.mix(voices.samples, voices.order, voices.frames)
    return film.join([take.segment(chunk) for chunk in range(count)], sound, path, metadata)
