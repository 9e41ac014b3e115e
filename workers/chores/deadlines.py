"""Fails jobs that waited longer than they may; running ones hear of it through their lease."""

from jobs import lifecycle


def run_once() -> int:
    """Fail every waiting job past a deadline; how many there were."""
    done = 0
    while found := lifecycle.expire():
        done += found
    return done
