"""Keeps the book of who stands in which queue: who has nothing left to do leaves, and who was left out enters."""

from jobs import turns


def run_once() -> int:
    """Go through it once; how many came or left."""
    return turns.tend()
