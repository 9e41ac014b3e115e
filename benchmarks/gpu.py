"""Measures the model on this machine's GPU, at its real size with random weights; where there is no GPU it says so.

Run `python benchmarks/gpu.py` where requirements/gpu.txt is installed. It prints what the card multiplies at best in
this run; seconds of the transformer's passes against the floor that follows from that, with every attention back end
that is installed and with compiled blocks; the peak memory of every way to live against the engine's estimate; and what
decoding takes. It ends with 3 if a goal is missed. `--rehearse` goes through all of it with a tiny model on the CPU, to
see whether the script works: those figures mean nothing.
"""

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the model on a GPU.")
    parser.add_argument(
        "--rehearse", action="store_true", help="with a tiny model on the CPU; the figures mean nothing"
    )
    rehearsing: bool = parser.parse_args().rehearse
    if reason := _why_not(rehearsing=rehearsing):
        print(f"The model on a GPU: not measured, for {reason}.")
        return 0
    from benchmarks import gpu_passes

    return gpu_passes.measure(gpu_passes.REHEARSAL if rehearsing else gpu_passes.REAL)


def _why_not(*, rehearsing: bool) -> str:
    """What is missing here, if anything is."""
    missing = [name for name in ("torch", "diffusers", "transformers") if find_spec(name) is None]
    if missing:
        return f"{' and '.join(missing)} cannot be imported here (requirements/gpu.txt)"
    import torch

    return "" if rehearsing or torch.cuda.is_available() else f"PyTorch {torch.__version__} finds no GPU here"


if __name__ == "__main__":
    sys.exit(main())
