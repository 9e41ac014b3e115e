"""`duologue weights`, typed at a terminal."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.cli.terminal import Terminal
from tests.workers.infinitetalk import rule

HAS_LIBRARIES = all(find_spec(name) for name in ("torch", "diffusers", "transformers"))


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


@pytest.mark.skipif(HAS_LIBRARIES, reason="says what to install where it is not")
def test_without_the_libraries_of_the_model_it_says_what_to_install(terminal: Terminal) -> None:
    said = terminal.run("weights", "check", "somewhere")
    assert said.returncode == 1
    assert "pip install --require-hashes -r requirements/gpu.txt" in said.stderr


@pytest.mark.skipif(not HAS_LIBRARIES, reason=rule.NEEDED)
def test_tiny_weights_are_whole_until_one_is_lost(terminal: Terminal, tmp_path: Path) -> None:
    assert terminal.run("weights", "tiny", "weights").returncode == 0
    whole = terminal.run("weights", "check", "weights")
    assert whole.returncode == 0, whole.stderr
    assert [line for line in whole.stdout.splitlines() if not line.startswith(" ")] == [
        "single: ok",
        "multi: ok",
        "fast: ok",
    ]
    assert "transformer: " in whole.stdout
    (tmp_path / "weights" / "InfiniteTalk" / "multi" / "infinitetalk.safetensors").unlink()
    (tmp_path / "weights" / "SoulX-FlashTalk-14B" / "Wan2.1_VAE.pth").unlink()
    lacking = terminal.run("weights", "check", "weights")
    assert lacking.returncode == 0, "one kind is enough to be of use"
    assert "no multi/infinitetalk.safetensors" in lacking.stdout
    assert "fast: not usable" in lacking.stdout


@pytest.mark.skipif(not HAS_LIBRARIES, reason=rule.NEEDED)
def test_a_folder_without_weights_is_told_and_one_with_other_things_is_left_alone(
    terminal: Terminal, tmp_path: Path
) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "to mother.txt").write_text("Dear")
    empty = terminal.run("weights", "check", "letters")
    assert empty.returncode == 1
    assert "holds no audio encoder" in empty.stdout
    refused = terminal.run("weights", "tiny", "letters")
    assert refused.returncode == 1
    assert "is not empty" in refused.stderr
