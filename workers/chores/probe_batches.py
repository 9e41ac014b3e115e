"""Reads the lines of batches whose voices are to be measured: slow work, that no other batch waits for."""

from workers import batching


def run_once() -> int:
    """Read all of them; how many there were."""
    return batching.probe_all()
