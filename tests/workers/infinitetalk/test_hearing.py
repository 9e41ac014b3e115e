from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from tests.workers.infinitetalk import rule, voices

pytest.importorskip("transformers", reason=rule.NEEDED)

import torch
from transformers import Wav2Vec2Config, Wav2Vec2Model

from workers.infinitetalk import hearing, loudness, tracks
from workers.infinitetalk.weights import names

RECORDED = rule.arrays("audio")
TOLD = rule.cases("audio")


@pytest.fixture(scope="module")
def encoder() -> Wav2Vec2Model:
    shape = {key: value for key, value in TOLD["wav2vec"].items() if key != "weights"}
    model = Wav2Vec2Model(Wav2Vec2Config(**shape, mask_time_prob=0.0)).eval()
    weights = rule.checkpoint(TOLD["wav2vec"]["weights"], rule.cases("keys_tiny")["wav2vec"])
    official = {name: torch.from_numpy(tensor) for name, tensor in weights.items()}
    renaming = names.audio_encoder(official)
    model.load_state_dict({renaming[name][0]: tensor for name, tensor in official.items()}, strict=False)
    return model


@pytest.mark.parametrize("case", TOLD["features"], ids=lambda case: case["name"])
def test_a_voice_is_heard_as_recorded(encoder: Wav2Vec2Model, case: dict[str, Any]) -> None:
    samples = loudness.normalised(voices.track(case["track"]), tracks.SAMPLE_RATE)
    heard = hearing.listen(encoder, samples, zero_mean=case["do_normalize"])

    rule.assert_near(heard.numpy(), RECORDED[case["name"]], 5e-5, 1e-5)


@pytest.mark.parametrize("track", ["A", "B"])
def test_the_steps_are_stretched_before_the_encoder(encoder: Wav2Vec2Model, track: str) -> None:
    samples = loudness.normalised(voices.track(track), tracks.SAMPLE_RATE)
    with torch.inference_mode():
        features = encoder.feature_extractor(torch.from_numpy(samples)[None])[0].T
    frames = len(RECORDED[f"features_{track}.resampled"])

    rule.assert_near(features.numpy(), RECORDED[f"features_{track}.conv"], 1e-6, 1e-4)
    rule.assert_near(hearing.stretched(features, frames).numpy(), RECORDED[f"features_{track}.resampled"], 1e-6, 1e-4)


@pytest.mark.parametrize("seconds", [181.0, 239.96, 600.0, 599.5])
def test_the_pieces_of_a_long_track_fit_together(seconds: float) -> None:
    cut = hearing.pieces(seconds)

    assert cut[0].kept_from == 0
    assert cut[-1].kept_to == seconds
    assert all(one.kept_to == other.kept_from for one, other in pairwise(cut))
    assert all(piece.heard_from <= piece.kept_from < piece.kept_to <= piece.heard_to for piece in cut)
    assert max(piece.heard_to - piece.heard_from for piece in cut) <= hearing.WHOLE_SECONDS


def test_a_long_track_has_a_frame_for_every_twenty_fifth_of_a_second(encoder: Wav2Vec2Model) -> None:
    samples = np.tile(voices.track("A"), 75)[: 16000 * 182 + 1000]

    assert hearing.listen(encoder, samples).shape == (182 * 25 + 1, 3, 32)
