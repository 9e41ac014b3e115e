import pytest

from tests.workers.infinitetalk import rule

pytest.importorskip("torch", reason=rule.NEEDED)

import torch
from torch import Tensor

from workers.infinitetalk.guidance import Guide, Pass, Projected, Scales

THREE = {Pass.FULL: 7.0, Pass.NO_TEXT: 4.0, Pass.NONE: 3.0}


@pytest.mark.parametrize(
    ("scales", "passes"),
    [
        (Scales(5.0, 4.0), (Pass.FULL, Pass.NO_TEXT, Pass.NONE)),
        (Scales(5.0, 1.0), (Pass.FULL, Pass.NO_TEXT, Pass.NONE)),
        (Scales(1.0, 4.0), (Pass.FULL, Pass.NO_AUDIO)),
        (Scales(1.0, 1.0), (Pass.FULL,)),
    ],
)
def test_only_the_passes_that_are_needed_are_asked_for(scales: Scales, passes: tuple[Pass, ...]) -> None:
    assert scales.passes == passes


def test_three_answers_are_weighed_as_the_original_does() -> None:
    assert float(_combined(Scales(5.0, 4.0), THREE)) == 3.0 + 5 * (7.0 - 4.0) + 4 * (4.0 - 3.0)


def test_two_answers_are_weighed_as_the_original_does() -> None:
    assert float(_combined(Scales(1.0, 4.0), {Pass.FULL: 7.0, Pass.NO_AUDIO: 2.0})) == 2.0 + 4 * (7.0 - 2.0)


def test_one_answer_is_the_answer() -> None:
    assert float(_combined(Scales(1.0, 1.0), {Pass.FULL: 7.0})) == 7.0


def test_projected_differences_are_orthogonal_and_no_longer_than_allowed() -> None:
    full, none = torch.tensor([1.0, 0.0, 0.0]), torch.tensor([-5.0, 30.0, 40.0])
    guide = Guide(Scales(1.0, 2.0, Projected(momentum=-0.75, norm_threshold=5.0)))
    moved = guide.combine({Pass.FULL: full, Pass.NO_AUDIO: none}) - full

    assert float(moved @ full) == pytest.approx(0.0, abs=1e-5)
    assert float(moved.norm()) <= 5.0


def test_momentum_remembers_the_steps_of_its_own_chunk_only() -> None:
    scales = Scales(1.0, 2.0, Projected(momentum=-0.5, norm_threshold=1e9))
    answers = {Pass.FULL: torch.tensor([1.0, 0.0]), Pass.NO_AUDIO: torch.tensor([1.0, -4.0])}
    guide = Guide(scales)
    first, second = guide.combine(answers), guide.combine(answers)

    assert first.tolist() == [1.0, 4.0]
    assert second.tolist() == [1.0, 2.0]
    assert Guide(scales).combine(answers).tolist() == first.tolist()


def _combined(scales: Scales, answers: dict[Pass, float]) -> Tensor:
    return Guide(scales).combine({each: torch.tensor(answer) for each, answer in answers.items()})
