"""All that can happen to a job once it is taken; each function is one call and one transaction."""

from jobs.lifecycle.cancelling import cancel
from jobs.lifecycle.ending import Output, confirm_cancel, finish, hand_back, overrun, stumble
from jobs.lifecycle.holding import Claim, Standing, claim, keep_media, renew, sources
from jobs.lifecycle.watching import due, expire, rescue, settle

__all__ = [
    "Claim",
    "Output",
    "Standing",
    "cancel",
    "claim",
    "confirm_cancel",
    "due",
    "expire",
    "finish",
    "hand_back",
    "keep_media",
    "overrun",
    "renew",
    "rescue",
    "settle",
    "sources",
    "stumble",
]
