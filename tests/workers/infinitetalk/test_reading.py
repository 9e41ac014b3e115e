from typing import Any

import pytest

from tests.workers.infinitetalk import rule

pytest.importorskip("transformers", reason=rule.NEEDED)
pytest.importorskip("diffusers", reason=rule.NEEDED)

from transformers import UMT5EncoderModel

from tests.workers.infinitetalk import models
from workers.infinitetalk import prompts
from workers.infinitetalk.weights import names, parts

TOLD = rule.cases("text")


@pytest.fixture(scope="module")
def encoder() -> UMT5EncoderModel:
    official = models.tensors(TOLD["config"]["weights"], rule.cases("keys_tiny")["text"])
    renamed = {new: official[old] for old, news in names.text_encoder(official).items() for new in news}
    model = parts.text_encoder({name: tuple(tensor.shape) for name, tensor in renamed.items()})
    model.load_state_dict(renamed, assign=True)
    return model.eval()


@pytest.mark.parametrize("case", TOLD["cases"], ids=lambda case: case["name"])
def test_a_text_is_read_as_recorded(encoder: UMT5EncoderModel, case: dict[str, Any]) -> None:
    read = prompts.read(encoder, case["ids"])

    rule.assert_near(read, rule.arrays("text")[case["name"]], 5e-5, 1e-5)
