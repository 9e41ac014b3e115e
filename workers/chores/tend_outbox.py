"""Keeps the outbox small: gives up what waits in vain, forgets what was settled long ago, drops abandoned listeners."""

from collections.abc import Callable

from jobs import webhooks


def run_once() -> int:
    """Go through all of it, a batch at a time; how many things were done."""
    return webhooks.drop_unheard() + _to_the_end(webhooks.give_up_old) + _to_the_end(webhooks.forget)


def _to_the_end(batch: Callable[[], int]) -> int:
    done = 0
    while found := batch():
        done += found
    return done
