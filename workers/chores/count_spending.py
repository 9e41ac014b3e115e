"""Counts what the cloud has cost this month, where it has a budget to keep to."""

from jobs import health, settings
from jobs.database import transaction


def run_once() -> int:
    """Count anew; 1 if the sum has changed."""
    if not settings.load().cloud_budget_usd:
        return 0
    with transaction() as session:
        return int(health.count_spending(session))
