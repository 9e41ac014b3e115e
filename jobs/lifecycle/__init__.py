"""All that can happen to a job once it is taken; each function is one call and one transaction."""

from jobs.lifecycle.cancelling import cancel
from jobs.lifecycle.ending import Output, confirm_cancel, finish, hand_back, overrun, stumble
from jobs.lifecycle.holding import Claim, Standing, claim, keep_media, renew, sources
from jobs.lifecycle.orphans import end_leases, hand_back_all, holders
from jobs.lifecycle.watching import due, expire, rescue, settle

__all__ = [
    "Claim",
    "Output",
    "Standing",
    "cancel",
    "claim",
    "confirm_cancel",
    "due",
    "end_leases",
    "expire",
    "finish",
    "hand_back",
    "hand_back_all",
    "holders",
    "keep_media",
    "overrun",
    "renew",
    "rescue",
    "settle",
    "sources",
    "stumble",
]
