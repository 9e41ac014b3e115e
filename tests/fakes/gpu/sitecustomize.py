"""Stands in for a graphics card: with this folder on PYTHONPATH, what is ordered from `gpu` is rendered by `preview`.

Python reads a module of this name before anything else. The child that renders is told its engine as its last argument,
and so is the one that looks whether it could; only there anything changes: routing, prices, queues, claims and money
are those of jobs that run on a card.
"""

import sys

if sys.orig_argv[-2:] in (["workers.engines.inside", "gpu"], ["workers.engines.fitness", "gpu"]):
    sys.argv[-1] = "preview"
