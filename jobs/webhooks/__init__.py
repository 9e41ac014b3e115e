"""Webhooks beyond what is owed: endpoints, taking up what is due, the log, and tidying; each call one transaction."""

from jobs.webhooks.endpoints import change, checked_url, endpoint, endpoints, pause, register, remove, resume, rotate
from jobs.webhooks.letters import Letter, Post
from jobs.webhooks.log import Entry, deliveries, entry, of_job, replay, resend, resend_of_jobs, test
from jobs.webhooks.pulling import listen, pull, with_news
from jobs.webhooks.settling import Outcome, hand_back, settle
from jobs.webhooks.taking import Batch, take
from jobs.webhooks.tending import drop_unheard, forget, give_up_old, tell_progress

__all__ = [
    "Batch",
    "Entry",
    "Letter",
    "Outcome",
    "Post",
    "change",
    "checked_url",
    "deliveries",
    "drop_unheard",
    "endpoint",
    "endpoints",
    "entry",
    "forget",
    "give_up_old",
    "hand_back",
    "listen",
    "of_job",
    "pause",
    "pull",
    "register",
    "remove",
    "replay",
    "resend",
    "resend_of_jobs",
    "resume",
    "rotate",
    "settle",
    "take",
    "tell_progress",
    "test",
    "with_news",
]
