"""What can go wrong with a model on a GPU, told so that the job goes on where it can: smaller, later or elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager

import av
import torch

from jobs.errors import EngineError, WorkerUnfit
from workers.infinitetalk.residency import TooLittleMemory
from workers.infinitetalk.weights.headers import WeightsError

OUT_OF_MEMORY = "out_of_memory"
_OF_CUDA = ("CUDA", "cuBLAS", "CUBLAS", "cuDNN", "CUDNN", "NCCL")
"""What errors of the libraries below PyTorch begin with or name."""


@contextmanager
def told(weights: str) -> Iterator[None]:
    """Turn what the model raises into EngineError; a fault of ours goes on as it is.

    Bad weights, a lost GPU and one whose memory others hold are this machine's fault: another goes on, or it waits.
    Running out of memory in the middle is tried again smaller.
    """
    try:
        yield
    except WeightsError as error:
        raise EngineError(
            _without(weights, str(error)), permanent=False, error_class=WorkerUnfit.error_class
        ) from error
    except TooLittleMemory as error:
        raise EngineError(str(error), permanent=False, error_class=WorkerUnfit.error_class) from error
    except torch.OutOfMemoryError as error:
        sentence = "the GPU ran out of memory while rendering"
        raise EngineError(sentence, permanent=False, error_class=OUT_OF_MEMORY) from error
    except av.FFmpegError as error:
        raise EngineError(f"a file cannot be read or written: {error.strerror}", permanent=False) from error
    except RuntimeError as error:
        if not is_lost(error):
            raise
        sentence = "the GPU was lost in the middle of the rendering"
        raise EngineError(sentence, permanent=False, error_class=WorkerUnfit.error_class) from error


def is_lost(error: RuntimeError) -> bool:
    """Whether the GPU or its driver failed, and not what was asked of it."""
    return isinstance(error, torch.AcceleratorError) or str(error).lstrip().startswith(_OF_CUDA)


def _without(weights: str, sentence: str) -> str:
    """Leave out where on this machine the weights are: callers read this."""
    if not weights:
        return sentence
    return sentence.replace(f"{weights}/", "").replace(weights, "The folder of weights")
