"""Carries out what was asked of batches: cancels their jobs, and holds back those of paused ones that stumbled."""

from jobs import batches


def run_once() -> int:
    """Go through all of it, a little of each in turn; how many jobs were cancelled, told to stop or held back."""
    done = 0
    while found := batches.tend_paused() + batches.carry_out_cancels():
        done += found
    return done
