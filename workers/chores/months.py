"""Makes the archive's partitions before their months begin, and drops those whose time is over."""

from jobs import retention


def run_once() -> int:
    """Make the months that are missing and drop those that are kept no longer; how many both were."""
    return retention.make_months() + retention.drop_months()
