"""Reads what was counted."""

from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import select

from jobs.database import transaction
from jobs.tables import Count

Labels = tuple[str, ...]


def counted() -> Mapping[str, Mapping[Labels, float]]:
    """By what is counted and by labels; the last label of a spread is the bound of its bucket. Raises Unavailable."""
    found: dict[str, dict[Labels, float]] = defaultdict(dict)
    with transaction() as session:
        for row in session.execute(select(Count.name, Count.labels, Count.value)):
            found[row.name][tuple(row.labels)] = row.value
    return found
