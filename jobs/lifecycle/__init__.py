"""All that can happen to a job once it is taken; each function is one call and one transaction."""

from jobs.lifecycle.arriving import Expected, discovered, expected, told
from jobs.lifecycle.cancelling import cancel
from jobs.lifecycle.claiming import claim
from jobs.lifecycle.ending import Output, confirm_cancel, finish, hand_back, not_collected, overrun, stumble
from jobs.lifecycle.forwarding import prepared
from jobs.lifecycle.holding import Arrival, Claim, Standing, forgive, keep_media, renew, sources
from jobs.lifecycle.orphans import end_leases, hand_back_all, holders
from jobs.lifecycle.rerouting import move_waiting
from jobs.lifecycle.watching import due, expire, rescue, settle

__all__ = [
    "Arrival",
    "Claim",
    "Expected",
    "Output",
    "Standing",
    "cancel",
    "claim",
    "confirm_cancel",
    "discovered",
    "due",
    "end_leases",
    "expected",
    "expire",
    "finish",
    "forgive",
    "hand_back",
    "hand_back_all",
    "holders",
    "keep_media",
    "move_waiting",
    "not_collected",
    "overrun",
    "prepared",
    "renew",
    "rescue",
    "settle",
    "sources",
    "stumble",
    "told",
]
