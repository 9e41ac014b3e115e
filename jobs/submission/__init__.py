"""Takes orders: checks them, writes them down with all that follows from them, and rings once it is safe."""

from jobs.submission.again import rerun
from jobs.submission.standings import TallyIsKept
from jobs.submission.taking import Taken, found_or_taken, submit, submit_alone, submit_once, submit_together
from jobs.submission.wishes import PRIORITY_MAX, TAG_MAX_LETTERS, TAGS_MAX, Order, Wish

__all__ = [
    "PRIORITY_MAX",
    "TAGS_MAX",
    "TAG_MAX_LETTERS",
    "Order",
    "Taken",
    "TallyIsKept",
    "Wish",
    "found_or_taken",
    "rerun",
    "submit",
    "submit_alone",
    "submit_once",
    "submit_together",
]
