import pytest

from tests.workers.infinitetalk import rule

pytest.importorskip("transformers", reason=rule.NEEDED)

from workers.infinitetalk import prompts


@pytest.mark.parametrize(
    ("written", "read"),
    [("  two\n people\ttalk ", "two people talk"), ("Tom &amp;amp; Eva &lt;3", "Tom & Eva <3"), ("", "")],
)
def test_a_prompt_is_read_without_markup_and_spare_space(written: str, read: str) -> None:
    assert prompts.cleaned(written) == read
