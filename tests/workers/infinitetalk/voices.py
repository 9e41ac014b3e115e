"""The made-up voices that the recorded numbers were taken from."""

import numpy as np

from tests.workers.infinitetalk import rule
from tests.workers.infinitetalk.rule import Floats


def track(name: str) -> Floats:
    """A 16 kHz track: a swelling tone, a second one that comes and goes, and noise."""
    told = rule.cases("audio")["tracks"][name]
    index = np.arange(told["samples"])
    swell = 0.6 + 0.4 * np.sin(2 * np.pi * 3 * index / 16000)
    voice = 0.25 * np.sin(2 * np.pi * told["f1"] * index / 16000) * swell
    second = (index % 8000 < told["gate"]) * 0.10 * np.sin(2 * np.pi * told["f2"] * index / 16000)
    noise = 0.02 * rule.uniform(f"{told['seed']}/audio", told["samples"])
    made: Floats = (voice + second + noise).astype(np.float32)
    return made
