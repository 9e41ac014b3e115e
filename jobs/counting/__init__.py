"""Counts what happened, once and for all, into the table `counts`; and reads what was counted."""

from jobs.counting.reading import counted
from jobs.counting.turns import turn

__all__ = ["counted", "turn"]
