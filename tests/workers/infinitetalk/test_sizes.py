from itertools import pairwise

import pytest

from workers.infinitetalk import sizes

# Recorded from the original implementation: resolution, source height and width, bucket height and width,
# height and width after scaling, the crop's top and left.
RECORDED = [
    ("480p", 480, 480, 640, 640, 640, 640, 0, 0),
    ("480p", 512, 512, 640, 640, 640, 640, 0, 0),
    ("480p", 720, 1280, 448, 896, 504, 896, 28, 0),
    ("480p", 1280, 720, 832, 448, 832, 468, 0, 10),
    ("480p", 1080, 1920, 448, 896, 504, 896, 28, 0),
    ("480p", 1920, 1080, 832, 448, 832, 468, 0, 10),
    ("480p", 768, 1024, 576, 704, 576, 768, 0, 32),
    ("480p", 1024, 768, 704, 576, 768, 576, 32, 0),
    ("480p", 600, 800, 576, 704, 576, 768, 0, 32),
    ("480p", 801, 603, 704, 576, 766, 576, 31, 0),
    ("480p", 333, 500, 512, 768, 512, 769, 0, 0),
    ("480p", 500, 333, 768, 512, 769, 512, 0, 0),
    ("480p", 1000, 2000, 448, 896, 448, 896, 0, 0),
    ("480p", 2000, 1000, 896, 448, 896, 448, 0, 0),
    ("480p", 300, 1200, 320, 1216, 320, 1280, 0, 32),
    ("480p", 1200, 300, 1280, 320, 1280, 320, 0, 0),
    ("480p", 1357, 911, 768, 512, 768, 516, 0, 2),
    ("480p", 97, 131, 512, 768, 569, 768, 28, 0),
    ("480p", 640, 641, 640, 640, 640, 641, 0, 0),
    ("480p", 2160, 3840, 448, 896, 504, 896, 28, 0),
    ("480p", 400, 1000, 384, 1024, 410, 1024, 13, 0),
    ("480p", 1000, 400, 960, 384, 960, 384, 0, 0),
    ("720p", 480, 480, 960, 960, 960, 960, 0, 0),
    ("720p", 512, 512, 960, 960, 960, 960, 0, 0),
    ("720p", 720, 1280, 704, 1280, 720, 1280, 8, 0),
    ("720p", 1280, 720, 1280, 704, 1280, 720, 0, 8),
    ("720p", 1080, 1920, 704, 1280, 720, 1280, 8, 0),
    ("720p", 1920, 1080, 1280, 704, 1280, 720, 0, 8),
    ("720p", 768, 1024, 832, 1088, 832, 1110, 0, 11),
    ("720p", 1024, 768, 1088, 832, 1110, 832, 11, 0),
    ("720p", 600, 800, 832, 1088, 832, 1110, 0, 11),
    ("720p", 801, 603, 1088, 832, 1106, 832, 9, 0),
    ("720p", 333, 500, 768, 1216, 810, 1216, 21, 0),
    ("720p", 500, 333, 1152, 768, 1154, 768, 1, 0),
    ("720p", 1000, 2000, 640, 1408, 704, 1408, 32, 0),
    ("720p", 2000, 1000, 1344, 704, 1408, 704, 32, 0),
    ("720p", 300, 1200, 448, 2048, 512, 2048, 32, 0),
    ("720p", 1200, 300, 1920, 512, 2048, 512, 64, 0),
    ("720p", 1357, 911, 1152, 768, 1152, 774, 0, 3),
    ("720p", 97, 131, 832, 1088, 832, 1124, 0, 18),
    ("720p", 640, 641, 960, 960, 960, 962, 0, 1),
    ("720p", 2160, 3840, 704, 1280, 720, 1280, 8, 0),
    ("720p", 400, 1000, 576, 1600, 640, 1600, 32, 0),
    ("720p", 1000, 400, 1536, 576, 1536, 615, 0, 20),
]


@pytest.mark.parametrize("row", RECORDED, ids=lambda row: f"{row[0]}-{row[2]}x{row[1]}")
def test_a_source_is_fitted_as_the_original_model_does(row: tuple[str, int, int, int, int, int, int, int, int]) -> None:
    resolution, height, width, *expected = row
    fit = sizes.fit(height, width, sizes.TABLES[resolution])
    assert [fit.height, fit.width, fit.resized_height, fit.resized_width, fit.top, fit.left] == expected


@pytest.mark.parametrize(("resolution", "count"), [("480p", 15), ("720p", 21)])
def test_the_bucket_tables_are_whole(resolution: str, count: int) -> None:
    table = sizes.TABLES[resolution]
    assert len(table) == count
    assert all(side % 32 == 0 for bucket in table.values() for side in bucket)
    ratios = [height / width for height, width in table.values()]
    assert all(one < other for one, other in pairwise(ratios))


@pytest.mark.parametrize("table", sizes.TABLES.values())
def test_the_scaled_source_always_covers_its_bucket(table: sizes.BucketTable) -> None:
    for height in range(64, 2200, 97):
        for width in range(64, 2200, 89):
            fit = sizes.fit(height, width, table)
            assert 0 <= fit.top <= fit.resized_height - fit.height
            assert 0 <= fit.left <= fit.resized_width - fit.width


def test_a_widescreen_landscape_loses_height_and_a_portrait_width() -> None:
    landscape, portrait = (sizes.fit(*size, sizes.BUCKETS_480) for size in ((1080, 1920), (1920, 1080)))
    assert (landscape.width, landscape.height, landscape.top) == (896, 448, 28)
    assert (portrait.width, portrait.height, portrait.left) == (448, 832, 10)


def test_the_wide_table_keeps_a_landscape_whole_and_leaves_the_rest_alone() -> None:
    landscape = sizes.fit(1080, 1920, sizes.BUCKETS_480_WIDE)

    assert (landscape.height, landscape.width, landscape.top) == (480, 832, 0)
    for source in ((1920, 1080), (512, 512), (1000, 2000), (768, 1024)):
        assert sizes.fit(*source, sizes.BUCKETS_480_WIDE) == sizes.fit(*source, sizes.BUCKETS_480)


@pytest.mark.parametrize(
    ("seconds", "frames"), [(0.0, 0), (0.039, 0), (0.04, 1), (3.2, 80), (3.239, 80), (600.0, 15000)]
)
def test_only_whole_frames_are_counted(seconds: float, frames: int) -> None:
    assert sizes.frame_count(seconds) == frames


def test_frames_are_counted_in_floating_point_like_the_original() -> None:
    # 1.16 * 25 is 28.999...: the original's int() cuts it, and so a frame is lost.
    assert sizes.frame_count(1.16) == 28
