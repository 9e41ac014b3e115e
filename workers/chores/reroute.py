"""Gives waiting jobs whose engine is in trouble, or far too slow, to another: nobody stumbles who has not begun."""

from jobs import lifecycle


def run_once() -> int:
    """Move what is to move now; how many jobs. There may be more: they are moved when this is due again."""
    return lifecycle.move_waiting()
