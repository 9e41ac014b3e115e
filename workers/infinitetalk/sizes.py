"""Says how large and how long the model's video is: bucket tables, cover-and-crop, frame counts. Pure arithmetic.

The tables are the ones the InfiniteTalk model was trained with (MeiGen-AI/InfiniteTalk, Apache-2.0), height / width.
They are not symmetric: a 16:9 landscape lands in 896x448 at 480p, a 9:16 portrait in 448x832.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

FRAMES_PER_SECOND: Final = 25

BucketTable = Mapping[float, tuple[int, int]]
"""From the ratio height / width to (height, width) in pixels. The nearest ratio wins, the earlier of two equals."""

BUCKETS_480: Final[BucketTable] = {
    0.26: (320, 1216),
    0.38: (384, 1024),
    0.50: (448, 896),
    0.67: (512, 768),
    0.82: (576, 704),
    1.00: (640, 640),
    1.22: (704, 576),
    1.50: (768, 512),
    1.86: (832, 448),
    2.00: (896, 448),
    2.50: (960, 384),
    2.83: (1088, 384),
    3.60: (1152, 320),
    3.80: (1216, 320),
    4.00: (1280, 320),
}

BUCKETS_720: Final[BucketTable] = {
    0.22: (448, 2048),
    0.29: (512, 1792),
    0.36: (576, 1600),
    0.45: (640, 1408),
    0.55: (704, 1280),
    0.63: (768, 1216),
    0.76: (832, 1088),
    0.88: (896, 1024),
    1.00: (960, 960),
    1.14: (1024, 896),
    1.31: (1088, 832),
    1.50: (1152, 768),
    1.58: (1216, 768),
    1.82: (1280, 704),
    1.91: (1344, 704),
    2.20: (1408, 640),
    2.30: (1472, 640),
    2.67: (1536, 576),
    2.89: (1664, 576),
    3.62: (1856, 512),
    3.75: (1920, 512),
}

BUCKETS_480_WIDE: Final[BucketTable] = dict(sorted({**BUCKETS_480, 0.58: (480, 832)}.items()))
"""With a bucket for 16:9 landscape that the model's own table lacks: nothing is cut off there, and no parity kept."""

TABLES: Final[Mapping[str, BucketTable]] = {"480p": BUCKETS_480, "720p": BUCKETS_720}


@dataclass(frozen=True)
class Fit:
    """How a source becomes a frame, in pixels: scaled to cover (`resized_*`), then cropped at (`top`, `left`)."""

    height: int
    width: int
    resized_height: int
    resized_width: int
    top: int
    left: int


def fit(source_height: int, source_width: int, table: BucketTable) -> Fit:
    """Fit a source of that size into its bucket: the smallest scaling that covers it, and the middle of that."""
    height, width = nearest_bucket(source_height, source_width, table)
    scale = max(height / source_height, width / source_width)
    resized_height = math.ceil(scale * source_height)
    resized_width = math.ceil(scale * source_width)
    # Half of an odd excess rounds to even, as torchvision's centre crop does.
    top = round((resized_height - height) / 2)
    left = round((resized_width - width) / 2)
    return Fit(height, width, resized_height, resized_width, top, left)


def nearest_bucket(source_height: int, source_width: int, table: BucketTable) -> tuple[int, int]:
    """Return (height, width) of the bucket whose ratio is nearest to the source's."""
    ratio = source_height / source_width
    return table[min(table, key=lambda key: abs(key - ratio))]


def frame_count(seconds: float) -> int:
    """Count the frames of so many seconds of audio: whole frames only, what is left over is cut."""
    return int(seconds * FRAMES_PER_SECOND)
