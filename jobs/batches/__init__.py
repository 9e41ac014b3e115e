"""Many orders as one: accepted, read by a worker, opened in one step, steered, and closed with files of results."""

from jobs.batches.closing import CONTENT_TYPES, ERRORS, MANIFEST, RESULTS, finish, write
from jobs.batches.creating import BatchWish, create_from_array, create_from_file, retry
from jobs.batches.holding import hand_back, renew, take_ended, take_unread
from jobs.batches.leaving import forget, over
from jobs.batches.looking import Seen, batch, jobs_of, page, seen
from jobs.batches.opening import BAD_LINES, caller_of, fail, settle
from jobs.batches.reading import Measure, check_there, read_failed, read_file
from jobs.batches.sheet import Sheet
from jobs.batches.steering import cancel, carry_out_cancels, pause, resume, tend_paused

__all__ = [
    "BAD_LINES",
    "CONTENT_TYPES",
    "ERRORS",
    "MANIFEST",
    "RESULTS",
    "BatchWish",
    "Measure",
    "Seen",
    "Sheet",
    "batch",
    "caller_of",
    "cancel",
    "carry_out_cancels",
    "check_there",
    "create_from_array",
    "create_from_file",
    "fail",
    "finish",
    "forget",
    "hand_back",
    "jobs_of",
    "over",
    "page",
    "pause",
    "read_failed",
    "read_file",
    "renew",
    "resume",
    "retry",
    "seen",
    "settle",
    "take_ended",
    "take_unread",
    "tend_paused",
    "write",
]
