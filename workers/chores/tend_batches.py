"""Carries out what was asked of batches: cancels their jobs, and holds back those of paused ones that stumbled."""

from jobs import batches


def run_once() -> int:
    """Go through all of it; how many jobs were cancelled, told to stop or held back."""
    done = batches.tend_paused()
    while found := batches.carry_out_cancels():
        done += found
    return done
