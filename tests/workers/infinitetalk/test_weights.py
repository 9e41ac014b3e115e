import json
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.workers.infinitetalk import rule

pytest.importorskip("torch", reason=rule.NEEDED)
pytest.importorskip("diffusers", reason=rule.NEEDED)
pytest.importorskip("transformers", reason=rule.NEEDED)

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer

from workers.infinitetalk import prompts
from workers.infinitetalk.transformer import TalkTransformer
from workers.infinitetalk.weights import check, headers, layout, loading, names, official, tiny
from workers.infinitetalk.weights.headers import WeightsError
from workers.infinitetalk.weights.layout import Variant
from workers.infinitetalk.weights.loading import Home
from workers.infinitetalk.weights.lora import Lora


@pytest.fixture(scope="module", name="pristine")
def _pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("weights")
    tiny.write(root)
    return root


@pytest.fixture(name="root")
def _root(pristine: Path, tmp_path: Path) -> Path:
    """A copy that may be broken."""
    return Path(shutil.copytree(pristine, tmp_path / "weights"))


@pytest.mark.parametrize("variant", ["single", "multi", "fast"])
def test_a_tiny_set_is_found_whole_and_loads(pristine: Path, variant: Variant) -> None:
    found = layout.find(pristine, variant)
    report = check.check(found)

    assert report.problems == ()
    assert report.is_good
    for part in found.parts:
        model = loading.load(part, Home())
        assert all(tensor.device.type == "cpu" for tensor in model.state_dict().values())
        assert not any(tensor.is_meta for tensor in (*model.parameters(), *model.buffers()))


def test_a_folder_is_examined_for_every_variant(root: Path) -> None:
    shutil.rmtree(root / "SoulX-FlashTalk-14B")
    (root / "InfiniteTalk" / "multi" / "infinitetalk.safetensors").unlink()
    reports = check.examine(root)

    assert {variant: report.is_good for variant, report in reports.items()} == {
        "single": True,
        "multi": False,
        "fast": False,
    }
    assert "multi/infinitetalk.safetensors" in reports["multi"].problems[0]
    assert "SoulX-FlashTalk-14B" in reports["fast"].problems[0]


def test_a_tiny_set_is_tiny(pristine: Path) -> None:
    assert sum(path.stat().st_size for path in pristine.rglob("*")) < 20_000_000


def test_the_tokenizer_of_a_tiny_set_reads_any_prompt(pristine: Path) -> None:
    found = layout.find(pristine, "single")
    tokenizer = AutoTokenizer.from_pretrained(str(found.tokenizer), local_files_only=True)
    encoder = loading.load(found.text_encoder, Home())

    assert prompts.encode(encoder, tokenizer, "Zwei  reden &amp;amp; lachen. 你好").shape[1] == 32
    assert len(prompts.encode(encoder, tokenizer, "a" * 5000)) == 512


def test_loaded_tensors_are_the_files_own(pristine: Path) -> None:
    found = layout.find(pristine, "multi")
    model = loading.load(found.transformer, Home())
    adapter = load_file(found.transformer.files[-1])

    assert torch.equal(model.state_dict()["audio_proj.proj2.weight"], adapter["audio_proj.proj2.weight"])
    assert official.transformer(model).keys() == headers.read(found.transformer.files).keys()


def test_wan_keeps_its_modulation_in_float32_and_the_rest_in_what_is_asked(pristine: Path) -> None:
    model = loading.load(layout.find(pristine, "single").transformer, Home(dtype=torch.bfloat16))
    types = {name: tensor.dtype for name, tensor in model.state_dict().items()}

    assert types["blocks.0.scale_shift_table"] == types["blocks.1.norm_x.weight"] == torch.float32
    assert types["blocks.0.attn1.to_q.weight"] == types["audio_proj.proj1.weight"] == torch.bfloat16


def test_the_layout_of_diffusers_loads_to_the_same_model(pristine: Path, root: Path) -> None:
    one = layout.find(pristine, "multi")
    base = root / "Wan2.1-I2V-14B-480P"
    _as_diffusers(base, one)
    other = layout.find(root, "multi")

    assert other.transformer.files[0].parent.name == "transformer"
    assert check.check(other).problems == ()
    for first, second in zip(one.parts, other.parts, strict=True):
        mine, theirs = (loading.load(part, Home()).state_dict() for part in (first, second))
        assert mine.keys() == theirs.keys()
        assert all(torch.equal(mine[name], theirs[name]) for name in mine)


def test_missing_and_unexpected_tensors_are_told_with_names(root: Path) -> None:
    path = root / "InfiniteTalk" / "multi" / "infinitetalk.safetensors"
    held = load_file(path)
    held["blocks.7.surprise.weight"] = held.pop("blocks.1.norm_x.weight")
    save_file(held, path)
    problems = " ".join(check.check(layout.find(root, "multi")).problems)

    assert "lacks 1 tensors" in problems
    assert "blocks.1.norm_x.weight" in problems
    assert "blocks.7.surprise.weight" in problems
    with pytest.raises(WeightsError, match="lacks 1 tensors"):
        loading.load(layout.find(root, "multi").transformer, Home())


def test_a_misshapen_tensor_is_told_with_both_shapes(root: Path) -> None:
    path = root / "InfiniteTalk" / "single" / "infinitetalk.safetensors"
    held = load_file(path)
    held["blocks.1.audio_cross_attn.proj.weight"] = torch.zeros(64, 63)
    save_file(held, path)

    assert check.check(layout.find(root, "single")).problems == (
        "The transformer's blocks.1.audio_cross_attn.proj.weight is (64, 63) and should be (64, 64).",
    )


def test_a_wrong_adapter_is_named_as_such(root: Path) -> None:
    path = root / "InfiniteTalk" / "single" / "infinitetalk.safetensors"
    save_file({"control.weight": torch.zeros(2)}, path)
    (problem,) = check.check(layout.find(root, "single")).problems

    assert "transformer" in problem
    assert "audio_cross_attn" in problem


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        ("InfiniteTalk", "single/infinitetalk.safetensors"),
        ("chinese-wav2vec2-base", "no audio encoder"),
        ("Wan2.1-I2V-14B-480P", "no base model"),
        ("Wan2.1-I2V-14B-480P/models_t5_umt5-xxl-enc-bf16.pth", "models_t5_umt5-xxl-enc-bf16.pth is missing"),
    ],
)
def test_what_is_missing_is_said_in_a_sentence(root: Path, gone: str, said: str) -> None:
    path = root / gone
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()

    with pytest.raises(WeightsError, match=said):
        layout.find(root, "single")


def test_a_cut_off_download_is_noticed_without_reading_it(root: Path) -> None:
    path = root / "InfiniteTalk" / "single" / "infinitetalk.safetensors"
    path.write_bytes(path.read_bytes()[:-100])

    assert "the download is not whole" in " ".join(check.check(layout.find(root, "single")).problems)


def test_a_pickle_that_holds_more_than_tensors_is_never_opened(root: Path) -> None:
    path, opened = root / "Wan2.1-I2V-14B-480P" / "Wan2.1_VAE.pth", root / "opened"
    torch.save({"encoder.conv1.weight": _Trap(opened)}, path)
    problems = " ".join(check.check(layout.find(root, "single")).problems)

    assert "holds more than tensors" in problems
    assert not opened.exists()


def test_a_header_that_lies_about_its_length_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lying.safetensors"
    path.write_bytes(struct.pack("<Q", 1 << 60))

    with pytest.raises(WeightsError, match="no safetensors file"):
        headers.read([path])


def test_what_the_audio_encoder_was_trained_with_is_not_asked_for(root: Path) -> None:
    path = root / "chinese-wav2vec2-base" / "pytorch_model.bin"
    held = torch.load(path, weights_only=True)
    trained = {f"wav2vec2.{name}": tensor for name, tensor in held.items() if name != "masked_spec_embed"}
    torch.save({**trained, "quantizer.codevectors": torch.zeros(1)}, path)
    found = layout.find(root, "single")

    assert check.check(found).problems == ()
    assert loading.load(found.audio_encoder, Home()).encoder.layers[0].attention.k_proj.weight.isfinite().all()


def test_whether_the_waveform_is_centred_is_read_from_the_file(root: Path) -> None:
    assert not layout.find(root, "single").zero_mean
    path = root / "chinese-wav2vec2-base" / "preprocessor_config.json"
    path.write_text(json.dumps({"do_normalize": True}), encoding="utf-8")

    assert layout.find(root, "single").zero_mean


def test_the_real_checkpoints_names_are_all_known() -> None:
    published = rule.cases("keys_14b")
    with torch.device("meta"):
        model = TalkTransformer()

    assert official.transformer(model).keys() == published["base"].keys() | published["adapter"].keys()


def test_a_lora_is_the_product_of_its_halves(pristine: Path, tmp_path: Path) -> None:
    part = layout.find(pristine, "single").transformer
    plain = loading.load(part, Home()).state_dict()
    generator = torch.Generator().manual_seed(1)
    up, down, diff, bias = (torch.randn(*shape, generator=generator) for shape in ((64, 4), (4, 64), (64,), (64,)))
    save_file(
        {
            "diffusion_model.blocks.1.self_attn.q.lora_down.weight": down,
            "diffusion_model.blocks.1.self_attn.q.lora_up.weight": up,
            "diffusion_model.blocks.1.self_attn.q.alpha": torch.tensor(2.0),
            "diffusion_model.blocks.1.self_attn.q.diff_b": bias,
            "diffusion_model.blocks.0.cross_attn.norm_k.diff": diff,
        },
        tmp_path / "lora.safetensors",
    )
    merged = loading.load(part, Home(), [Lora(tmp_path / "lora.safetensors", 0.5)]).state_dict()

    changed = {name for name in plain if not torch.equal(plain[name], merged[name])}
    q, k = "blocks.1.attn1.to_q", "blocks.0.attn2.norm_k"
    assert changed == {f"{q}.weight", f"{q}.bias", f"{k}.weight"}
    assert torch.allclose(merged[f"{q}.weight"], plain[f"{q}.weight"] + 0.5 * (2 / 4) * up @ down)
    assert torch.allclose(merged[f"{q}.bias"], plain[f"{q}.bias"] + 0.5 * bias)
    assert torch.allclose(merged[f"{k}.weight"], plain[f"{k}.weight"] + 0.5 * diff)


def test_a_lora_in_the_names_of_diffusers_is_the_same(pristine: Path, tmp_path: Path) -> None:
    part = layout.find(pristine, "single").transformer
    up, down = torch.randn(64, 4), torch.randn(4, 64)
    one = {"blocks.0.cross_attn.o.lora_down.weight": down, "blocks.0.cross_attn.o.lora_up.weight": up}
    other = {
        "transformer.blocks.0.attn2.to_out.0.lora_A.weight": down,
        "transformer.blocks.0.attn2.to_out.0.lora_B.weight": up,
    }
    merged = []
    for name, held in (("one", one), ("other", other)):
        save_file(held, tmp_path / f"{name}.safetensors")
        loaded = loading.load(part, Home(), [Lora(tmp_path / f"{name}.safetensors")])
        merged.append(loaded.state_dict()["blocks.0.attn2.to_out.0.weight"])

    assert torch.equal(*merged)


@pytest.mark.parametrize(
    ("name", "said"),
    [("blocks.9.self_attn.q.lora_up.weight", "have no place"), ("blocks.0.self_attn.q.hada_w1", "no kind")],
)
def test_a_lora_that_does_not_fit_is_refused_loudly(pristine: Path, tmp_path: Path, name: str, said: str) -> None:
    save_file({name: torch.zeros(64, 4)}, tmp_path / "lora.safetensors")

    with pytest.raises(WeightsError, match=said):
        loading.load(layout.find(pristine, "single").transformer, Home(), [Lora(tmp_path / "lora.safetensors")])


class _Trap:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def _as_diffusers(base: Path, found: layout.Layout) -> None:
    """Rewrite a base from its makers' layout into that of diffusers."""
    folders = ("transformer", "vae", "text_encoder", "image_encoder")
    for folder, part in zip(folders, found.parts, strict=False):
        held = loading.load(part, Home()).state_dict()
        wan = {name: tensor.clone() for name, tensor in held.items() if not names.ADAPTER.match(name)}
        wan.pop("encoder.embed_tokens.weight", None)
        (base / folder).mkdir()
        (base / folder / "config.json").write_text(json.dumps({"num_attention_heads": 4}), encoding="utf-8")
        stem = "diffusion_pytorch_model" if folder in {"transformer", "vae"} else "model"
        prefix = "vision_model." if folder == "image_encoder" else ""
        save_file({prefix + name: tensor for name, tensor in wan.items()}, base / folder / f"{stem}.safetensors")
    (base / "model_index.json").write_text("{}", encoding="utf-8")
    (base / "google" / "umt5-xxl").rename(base / "tokenizer")
    for path in _files_of_makers(base):
        path.unlink()


def _files_of_makers(base: Path) -> Iterator[Path]:
    yield from base.glob("*.pth")
    yield from base.glob("*.safetensors")
    yield base / "config.json"
