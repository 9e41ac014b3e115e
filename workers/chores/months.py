"""Makes the archive's partitions before their months begin."""

from jobs import retention


def run_once() -> int:
    """Make the months that are missing; how many there were."""
    return retention.make_months()
