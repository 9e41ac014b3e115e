"""Reads the lines of batches that were accepted."""

from workers import batching


def run_once() -> int:
    """Read all of them; how many there were."""
    return batching.read_all()
