"""Forwards jobs to the upstream and hears what becomes of them; while a job is there no worker is held."""

from workers.forwarding.forwarder import keep

__all__ = ["keep"]
