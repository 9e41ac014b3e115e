"""What must be true of the audio branch whatever its weights are."""

from typing import Any

import pytest

from tests.workers.infinitetalk import rule

pytest.importorskip("torch", reason=rule.NEEDED)
pytest.importorskip("diffusers", reason=rule.NEEDED)

import torch
from diffusers import WanTransformer3DModel
from torch import Tensor

from tests.workers.infinitetalk import models
from workers.infinitetalk import speakers
from workers.infinitetalk.audio_branch import AudioShape
from workers.infinitetalk.transformer import WAN_14B, TalkTransformer
from workers.infinitetalk.weights import names

TOLD = rule.cases("dit")["configs"]["tiny"]
FRAMES, HEIGHT, WIDTH = 3, 4, 6
TOKENS = HEIGHT * WIDTH // 4


@pytest.fixture(scope="module")
def model() -> TalkTransformer:
    return models.transformer("tiny", "w1")


@pytest.mark.parametrize("count", [1, 2, 3])
def test_without_the_audio_branch_it_is_plain_wan_to_the_last_bit(count: int) -> None:
    silenced = models.transformer("tiny", "w1")
    for block in silenced.blocks:
        torch.nn.init.zeros_(block.audio_cross_attn.proj.weight)
        torch.nn.init.zeros_(block.audio_cross_attn.proj.bias)
    plain = WanTransformer3DModel(**models.wan_config(TOLD)).eval()
    plain.load_state_dict({key: value for key, value in silenced.state_dict().items() if not names.ADAPTER.match(key)})
    given = _inputs(count)

    with torch.inference_mode():
        ours = silenced(**given)
        wans = plain(given["latents"], given["timestep"], given["text"], given["image"], return_dict=False)[0]
    assert torch.equal(ours, wans)


@pytest.mark.parametrize("count", [2, 3])
def test_the_speaker_map_is_what_a_naive_one_says(count: int) -> None:
    query, key = (models.signal("map", name, 1, 3 * TOKENS, 2, 8) for name in ("query", "key"))
    classes = _classes(count)
    found = speakers.attention_map(query, key[:, :TOKENS], classes)

    for token in range(3 * TOKENS):
        for index, members in enumerate(classes):
            mass = 0.0
            for head in range(2):
                scores = key[0, :TOKENS, head] @ query[0, token, head] / 8**0.5
                mass += float(scores.softmax(0)[members.bool()].sum()) / 2
            assert float(found[index, token]) == pytest.approx(mass / float(members.sum()), rel=1e-5)


def test_a_frame_hears_only_its_own_moment(model: TalkTransformer) -> None:
    block, hidden = model.blocks[0], models.signal("local", "hidden", 1, FRAMES * TOKENS, 64)
    audio = models.signal("local", "audio", FRAMES, 8, 48)
    louder = audio.clone()
    louder[1] += 1
    with torch.inference_mode():
        difference = block.audio_cross_attn(hidden, louder) - block.audio_cross_attn(hidden, audio)

    moved = difference[0].unflatten(0, (FRAMES, -1)).abs().amax(dim=(1, 2)) > 0
    assert moved.tolist() == [False, True, False]


def test_a_later_frame_of_audio_leaves_the_first_latent_frame_alone(model: TalkTransformer) -> None:
    windows = _inputs(1)["windows"]
    louder = windows.clone()
    louder[:, 5:] += 1
    with torch.inference_mode():
        moved = (model.audio_proj(louder) != model.audio_proj(windows)).any(dim=2).any(dim=1)

    assert moved.tolist() == [False, False, True]


def test_speakers_who_change_places_with_their_masks_change_their_places() -> None:
    attention = torch.rand(3, 40, generator=torch.Generator().manual_seed(1))
    swapped = attention[[1, 0, 2]]
    places, others = speakers.positions(attention), speakers.positions(swapped)

    background = places == speakers.BACKGROUND
    first = places < speakers.BACKGROUND
    assert torch.equal(background, others == speakers.BACKGROUND)
    assert torch.equal(first, others > speakers.BACKGROUND)
    assert torch.allclose(places[first] + speakers.STEP, others[first])


def test_a_single_speaker_pays_for_no_speaker_map(model: TalkTransformer) -> None:
    model.moment.maps = []
    with torch.inference_mode():
        model(**_inputs(1))
    kept, model.moment.maps = model.moment.maps, None

    assert kept == []


def test_a_speaker_whose_mask_is_empty_breaks_nothing(model: TalkTransformer) -> None:
    given = _inputs(2)
    given["classes"][2] = 0
    with torch.inference_mode():
        assert model(**given).isfinite().all()


def test_the_real_model_has_the_published_tensors() -> None:
    published = rule.cases("keys_14b")
    with torch.device("meta"):
        real = TalkTransformer(WAN_14B, AudioShape())
    official = {**published["base"], **published["adapter"]}
    renaming = names.transformer(official)

    assert {renaming[name][0]: list(shape) for name, shape in official.items()} == {
        name: list(tensor.shape) for name, tensor in real.state_dict().items()
    }
    adapter = [tensor for name, tensor in real.state_dict().items() if names.ADAPTER.match(name)]
    assert (len(published["base"]), len(adapter)) == (1303, 330)
    assert sum(tensor.numel() for tensor in adapter) == published["adapter_parameters"] == 2_487_168_000
    assert sum(tensor.numel() for tensor in real.state_dict().values()) == 18_882_046_784


def _inputs(count: int) -> dict[str, Any]:
    windows = [models.signal("s", f"audio.{speaker}", 9, 5, 3, 32) for speaker in range(count)]
    return {
        "latents": models.signal("s", "x", 1, 36, FRAMES, HEIGHT, WIDTH),
        "timestep": torch.tensor([500.0]),
        "text": models.signal("s", "text", 1, 512, 48),
        "image": models.signal("s", "image", 1, 257, 64),
        "windows": torch.stack(windows),
        "classes": _classes(count),
    }


def _classes(count: int) -> Tensor:
    """Speakers in a row of tokens, one each, and the rest the background."""
    classes = torch.zeros(count + 1, TOKENS, dtype=torch.uint8)
    for speaker in range(count):
        classes[speaker, speaker] = 1
    classes[-1, count:] = 1
    return classes
