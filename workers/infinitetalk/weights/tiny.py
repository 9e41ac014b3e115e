"""Writes tiny random weights in the original's layout, on which the whole engine runs: what it shows is noise."""

import json
from pathlib import Path
from typing import Any, Final

import torch
from diffusers import AutoencoderKLWan
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from torch import Tensor, nn
from transformers import (
    CLIPVisionConfig,
    CLIPVisionModel,
    PreTrainedTokenizerFast,
    UMT5Config,
    UMT5EncoderModel,
    Wav2Vec2Config,
    Wav2Vec2Model,
)

from workers.infinitetalk.audio_branch import AudioShape
from workers.infinitetalk.timeline import WINDOW, Span
from workers.infinitetalk.transformer import TEXT_TOKENS, TalkTransformer
from workers.infinitetalk.weights import made_for, official
from workers.infinitetalk.weights.made_for import MadeFor
from workers.infinitetalk.weights.names import ADAPTER
from workers.infinitetalk.weights.parts import CLIP_HEAD_WIDTH

_VOCABULARY: Final = 300
_TEXT_WIDTH: Final = 32
_AUDIO: Final = AudioShape(layers=3, channels=32, hidden=40, tokens=8, width=48)
_WAN: Final[dict[str, Any]] = {
    "patch_size": (1, 2, 2),
    "num_attention_heads": 4,
    "attention_head_dim": 16,
    "in_channels": 36,
    "out_channels": 16,
    "text_dim": _TEXT_WIDTH,
    "freq_dim": 256,
    "ffn_dim": 160,
    "num_layers": 2,
    "image_dim": CLIP_HEAD_WIDTH,
    "added_kv_proj_dim": 64,
}
_WAV2VEC: Final[dict[str, Any]] = {
    "model_type": "wav2vec2",
    "hidden_size": _AUDIO.channels,
    "num_hidden_layers": _AUDIO.layers,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "conv_dim": [16] * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
}
_SPAN: Final = Span(9, 5)
_TABLES: Final = {
    "480p": {32 / 48: (32, 48), 32 / 32: (32, 32), 48 / 32: (48, 32)},
    "720p": {48 / 64: (48, 64), 48 / 48: (48, 48), 64 / 48: (64, 48)},
}


def write(root: Path, seed: int = 0) -> None:
    """Write base, both adapters, audio encoder and few-step weights into `root`: about 10 MB, for tiny videos."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        base = root / "Wan2.1-I2V-14B-480P"
        talking = official.transformer(TalkTransformer(_WAN, _AUDIO))
        _write_base(base, {name: tensor for name, tensor in talking.items() if not ADAPTER.match(name)})
        for variant in ("single", "multi"):
            held = official.transformer(TalkTransformer(_WAN, _AUDIO))
            adapter = {name: tensor for name, tensor in held.items() if ADAPTER.match(name)}
            _save(root / "InfiniteTalk" / variant / "infinitetalk.safetensors", adapter)
        _write_base(root / "SoulX-FlashTalk-14B", talking)
        _write_audio_encoder(root / "chinese-wav2vec2-base")
    made_for.write(root, MadeFor(_TABLES, _SPAN, steps=2))


@torch.inference_mode()
def try_pass(device: str, dtype: torch.dtype) -> Tensor:
    """Run a transformer as tiny as these once, and return what it says: whether a device can do that at all."""
    model = TalkTransformer(_WAN, _AUDIO).eval()
    nn.Module.to(model, device, dtype)  # its own warns of norms in half precision, which is how they are tried here
    given = {
        "text": torch.zeros(1, TEXT_TOKENS, _TEXT_WIDTH),
        "image": torch.zeros(1, 257, CLIP_HEAD_WIDTH),
        "windows": torch.zeros(1, 5, WINDOW, _AUDIO.layers, _AUDIO.channels),
    }
    latents = torch.zeros(1, _WAN["in_channels"], 2, 4, 4, device=device, dtype=dtype)
    moved = {name: tensor.to(device, dtype) for name, tensor in given.items()}
    velocity: Tensor = model(latents, torch.tensor([500.0], device=device), **moved)
    return velocity.float().cpu()


def _write_base(folder: Path, transformer: dict[str, Tensor]) -> None:
    heads = _WAN["num_attention_heads"]
    told = {"_class_name": "WanModel", "dim": heads * _WAN["attention_head_dim"], "num_heads": heads}
    _write_json(folder / "config.json", told | {"num_layers": _WAN["num_layers"], "model_type": "i2v"})
    names = sorted(transformer)
    halves = names[: len(names) // 2], names[len(names) // 2 :]
    for number, half in enumerate(halves, 1):  # sharded, as the real one is
        shard = folder / f"diffusion_pytorch_model-0000{number}-of-0000{len(halves)}.safetensors"
        _save(shard, {name: transformer[name] for name in half})
    _save(folder / "Wan2.1_VAE.pth", official.vae(_vae()))
    _save(folder / "models_t5_umt5-xxl-enc-bf16.pth", official.text_encoder(_text_encoder()))
    clip = folder / "models_clip_open-clip-xlm-roberta-large-vit-huge-14.pth"
    _save(clip, official.image_encoder(_image_encoder()) | {"textual.unused": torch.zeros(1)})
    _write_tokenizer(folder / "google" / "umt5-xxl")


def _write_audio_encoder(folder: Path) -> None:
    _write_json(folder / "config.json", _WAV2VEC)
    _write_json(folder / "preprocessor_config.json", {"do_normalize": False, "sampling_rate": 16000})
    encoder = Wav2Vec2Model(Wav2Vec2Config(**_WAV2VEC))
    _save(folder / "pytorch_model.bin", official.audio_encoder(encoder))


def _vae() -> nn.Module:
    return AutoencoderKLWan(base_dim=8)


def _text_encoder() -> nn.Module:
    shape = {"vocab_size": _VOCABULARY, "d_model": _TEXT_WIDTH, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4}
    return UMT5EncoderModel(UMT5Config(**shape, feed_forward_proj="gated-gelu"))


def _image_encoder() -> nn.Module:
    shape = {"hidden_size": CLIP_HEAD_WIDTH, "intermediate_size": 160, "num_hidden_layers": 3, "num_attention_heads": 1}
    return CLIPVisionModel(CLIPVisionConfig(**shape, image_size=224, patch_size=14, hidden_act="gelu"))


def _write_tokenizer(folder: Path) -> None:
    """A token a byte: any text can be read."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = {word: number for number, word in enumerate(["<pad>", "</s>", "<unk>", *alphabet])}
    tokenizer = Tokenizer(models.BPE(words, [], unk_token="<unk>"))  # noqa: S106 - no secret, but a token all the same
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing("$A </s>", special_tokens=[("</s>", words["</s>"])])
    whole = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>")  # noqa: S106 - as above
    whole.save_pretrained(str(folder))


def _save(path: Path, tensors: dict[str, Tensor]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    contiguous = {name: tensor.detach().contiguous().clone() for name, tensor in tensors.items()}
    if path.suffix == ".safetensors":
        save_file(contiguous, path)
    else:
        torch.save(contiguous, path)


def _write_json(path: Path, told: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
