"""What the chunk loop says as it goes: steps, frames, and after every chunk all that is needed to go on from there."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor


@dataclass(frozen=True)
class Step:
    """One step of a chunk is done. `latents` is what it has come to, 16 x latent frames x height x width."""

    chunk: int
    step: int
    steps: int
    latents: Tensor


@dataclass(frozen=True)
class Frames:
    """Finished frames of the video, in order: 3 x frames x height x width, float32, -1 to 1, on the CPU."""

    chunk: int
    start: int
    pictures: Tensor


@dataclass(frozen=True)
class State:
    """Where to go on: the next chunk's index, and the last frames before it, raw float32 after colour matching.

    `seed` and `frames` (how many have been handed out) are there to be checked against the job that goes on.
    """

    next_chunk: int
    frames: int
    seed: int
    tail: Tensor

    def save(self, path: Path) -> None:
        told = {"next_chunk": str(self.next_chunk), "frames": str(self.frames), "seed": str(self.seed)}
        save_file({"tail": self.tail.contiguous()}, path, metadata=told)

    @classmethod
    def load(cls, path: Path) -> Self:
        with safe_open(path, framework="pt") as kept:
            told = kept.metadata()
            return cls(
                next_chunk=int(told["next_chunk"]),
                frames=int(told["frames"]),
                seed=int(told["seed"]),
                tail=kept.get_tensor("tail"),
            )


@dataclass(frozen=True)
class ChunkEnd:
    """All frames of a chunk have been handed out, and this is how to go on after it."""

    state: State


Event = Step | Frames | ChunkEnd
