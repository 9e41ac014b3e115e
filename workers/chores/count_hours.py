"""Counts the hours that views and the operators' pages show, so that nobody counts jobs to look at figures."""

from jobs import hours


def run_once() -> int:
    """Count what may have changed; how many hours were new."""
    return hours.count_due()
