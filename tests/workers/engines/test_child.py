from pathlib import Path

import pytest

from tests.factories_media import people_png, voice_wav, write
from workers.engines.child import Child
from workers.engines.engine import Order


@pytest.mark.skipif(not Path("/proc/self/limits").exists(), reason="reads the limits of another process in /proc")
def test_a_preview_is_rendered_within_four_gigabytes(tmp_path: Path) -> None:
    voice = write(tmp_path, "voice.wav", voice_wav(0.2))
    picture = write(tmp_path, "picture.png", people_png(360, 240, 1))
    order = Order("wavespeed-ai/infinitetalk", tmp_path, (voice,), picture)
    limits: list[str] = []
    with Child("preview", order, grace_seconds=1, silence_seconds=60) as child:
        of_child = Path(f"/proc/{child.pid}/limits")
        assert child.render(lambda *_: limits.append(of_child.read_text())).frames == 5
    assert f"Max address space         {4 * 2**30}" in limits[0]
