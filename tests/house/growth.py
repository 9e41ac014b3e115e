"""Tells how long the house's pages are, so that growth is seen before it is forbidden."""

from statistics import median

from tests.house import tree


def sentence() -> str:
    lengths = {path: tree.line_count(path) for path in tree.product_modules()}
    longest = max(lengths, key=lengths.__getitem__)
    return (
        f"the house: {len(lengths)} modules, median {median(lengths.values()):.0f} lines, "
        f"longest {lengths[longest]} ({longest})"
    )
