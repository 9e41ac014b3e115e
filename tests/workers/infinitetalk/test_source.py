from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests.factories_media import growing_mkv, write
from tests.workers.infinitetalk import rule
from tests.workers.intake import making_media

pytest.importorskip("torch", reason=rule.NEEDED)

from workers.infinitetalk import sizes
from workers.infinitetalk.source import Footage, Still

TABLE: sizes.BucketTable = {1.0: (32, 32)}


@pytest.mark.parametrize("rate", [10, 25, 30, 50])
def test_a_video_is_seen_at_its_own_pace(tmp_path: Path, rate: int) -> None:
    film = _film(tmp_path / "film.mp4", rate, frames=2 * rate)
    with Footage(film, TABLE) as footage:
        for index in (0, 5, 24, 49, 12):
            shown = float(footage.frame(index).mean() + 1) * 127.5
            due = index * rate // 25
            assert shown == pytest.approx(20 + 200 * due / (2 * rate), abs=3)


def test_past_its_end_a_video_holds_its_last_frame(tmp_path: Path) -> None:
    with Footage(_film(tmp_path / "film.mp4", 25, frames=10), TABLE) as footage:
        assert (footage.frame(9) == footage.frame(5000)).all()


def test_a_video_that_grows_beyond_what_its_decoder_may_take_ends_there(tmp_path: Path) -> None:
    film = write(tmp_path, "grows.mkv", growing_mkv(200, 0.4))
    with Footage(film, TABLE) as free, Footage(film, TABLE, decoder={"max_pixels": "10000"}) as bound:
        assert free.frame(9).mean() > 0 > bound.frame(9).mean()


def test_the_cover_of_a_film_is_not_taken_for_it(tmp_path: Path) -> None:
    film = write(tmp_path, "tagged.mp4", making_media.with_cover(making_media.film(size=(128, 96))))
    with Footage(film, TABLE) as footage:
        assert footage.size == (96, 128)


def test_a_video_without_frames_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "none.mp4"
    path.write_bytes(b"nothing")
    with pytest.raises(av.FFmpegError):
        Footage(path, TABLE)


def test_a_still_is_the_same_whenever_it_is_asked_for() -> None:
    still = Still(np.full((32, 32, 3), 255, np.uint8), TABLE)

    assert still.frame(0) is still.frame(500)
    assert float(still.frame(0).min()) == 1.0


def _film(path: Path, rate: int, frames: int) -> Path:
    """Grey from 20 upwards, by 200 in all."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for index in range(frames):
            level = round(20 + 200 * index / frames)
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), level, np.uint8), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
