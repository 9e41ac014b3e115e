"""Keeps the outbox small: gives up what waits in vain, forgets what was settled long ago, drops abandoned listeners."""

from jobs import webhooks


def run_once() -> int:
    """Go through all of it, a batch at a time; how many things were done."""
    return webhooks.drop_unheard() + webhooks.give_up_old() + webhooks.forget()
