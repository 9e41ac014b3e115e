"""Finds the models in a folder by what is in it, not by what it is called: original, Diffusers or few-step layouts.

The folder holds, side by side or one in the other: Wan2.1-I2V-14B-480P (from its makers or for diffusers), InfiniteTalk
with its `single` and `multi`, chinese-wav2vec2-base, and, for the fast preset, SoulX-FlashTalk-14B.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from diffusers import AutoencoderKLWan
from transformers import CLIPVisionModel, UMT5EncoderModel, Wav2Vec2Model

from workers.infinitetalk.audio_branch import AudioShape
from workers.infinitetalk.transformer import TalkTransformer
from workers.infinitetalk.weights import headers, names, parts
from workers.infinitetalk.weights.headers import WeightsError
from workers.infinitetalk.weights.parts import Part

Variant = Literal["single", "multi", "fast"]
"""InfiniteTalk's adapter for one speaker or for several, or FlashTalk's few-step weights."""

DEPTH: Final = 3

_VAE: Final = "Wan2.1_VAE.pth"
_TEXT: Final = "models_t5_umt5-xxl-enc-bf16.pth"
_IMAGE: Final = "models_clip_open-clip-xlm-roberta-large-vit-huge-14.pth"
_TOKENIZER: Final = "google/umt5-xxl"


@dataclass(frozen=True)
class Layout:
    """Where everything lies. `zero_mean` is what the audio encoder's preprocessor_config.json calls do_normalize."""

    transformer: Part[TalkTransformer]
    vae: Part[AutoencoderKLWan]
    text_encoder: Part[UMT5EncoderModel]
    image_encoder: Part[CLIPVisionModel]
    audio_encoder: Part[Wav2Vec2Model]
    tokenizer: Path
    zero_mean: bool

    @property
    def parts(self) -> tuple[Part[Any], ...]:
        return (self.transformer, self.vae, self.text_encoder, self.image_encoder, self.audio_encoder)


def find(root: Path, variant: Variant) -> Layout:
    """Find everything a variant needs. Raises WeightsError with a sentence that says what is missing."""
    folders = list(_folders(root))
    hearing = _audio_folder(root, folders)
    heard = _read_json(hearing / "config.json")
    audio = AudioShape(layers=heard["num_hidden_layers"], channels=heard["hidden_size"])
    base = _base_folder(root, folders, variant)
    adapter = () if variant == "fast" else (_adapter(root, folders, variant),)
    others = _of_diffusers(base) if (base / "model_index.json").is_file() else _of_makers(base)
    return Layout(
        transformer=_transformer(base, adapter, audio),
        vae=others["vae"],
        text_encoder=others["text_encoder"],
        image_encoder=others["image_encoder"],
        audio_encoder=Part("audio encoder", _weights(hearing), names.audio_encoder, parts.audio_encoder(heard)),
        tokenizer=base / (_TOKENIZER if (base / _TOKENIZER).is_dir() else "tokenizer"),
        zero_mean=bool(_read_json(hearing / "preprocessor_config.json").get("do_normalize", False)),
    )


def _folders(root: Path, depth: int = DEPTH) -> Iterator[Path]:
    if not root.is_dir():
        raise WeightsError(f"{root} is no folder.")
    yield root
    if depth:
        for inside in sorted(path for path in root.iterdir() if path.is_dir()):
            yield from _folders(inside, depth - 1)


def _audio_folder(root: Path, folders: list[Path]) -> Path:
    for folder in folders:
        is_whole = (folder / "preprocessor_config.json").is_file() and (folder / "config.json").is_file()
        if is_whole and _read_json(folder / "config.json").get("model_type") == "wav2vec2":
            return folder
    raise WeightsError(f"{root} holds no audio encoder (chinese-wav2vec2-base: config, preprocessor_config, weights).")


def _base_folder(root: Path, folders: list[Path], variant: Variant) -> Path:
    """Choose the base that has an audio branch of its own for `fast`, and one that has none otherwise."""
    bases = [folder for folder in folders if (folder / "model_index.json").is_file() or (folder / _VAE).is_file()]
    for base in bases:
        if _has_audio(_transformer_folder(base)) == (variant == "fast"):
            return base
    wanted = "SoulX-FlashTalk-14B" if variant == "fast" else "Wan2.1-I2V-14B-480P, from its makers or for diffusers"
    raise WeightsError(f"{root} holds no base model ({wanted}).")


def _adapter(root: Path, folders: list[Path], variant: Variant) -> Path:
    for folder in folders:
        found = folder / variant / "infinitetalk.safetensors"
        if found.is_file():
            return found
    raise WeightsError(f"{root} holds no {variant}/infinitetalk.safetensors.")


def _transformer(base: Path, adapter: tuple[Path, ...], audio: AudioShape) -> Part[TalkTransformer]:
    folder = _transformer_folder(base)
    is_of_diffusers = folder != base
    rename = names.unchanged if is_of_diffusers else names.transformer
    told = _read_json(folder / "config.json")
    return Part("transformer", (*_weights(folder), *adapter), rename, parts.transformer(told, audio))


def _of_makers(base: Path) -> dict[str, Part[Any]]:
    return {
        "vae": Part("autoencoder", (_there(base / _VAE),), names.vae, parts.vae),
        "text_encoder": Part("text encoder", (_there(base / _TEXT),), names.text_encoder, parts.text_encoder),
        "image_encoder": Part("image encoder", (_there(base / _IMAGE),), names.image_encoder, parts.image_encoder),
    }


def _of_diffusers(base: Path) -> dict[str, Part[Any]]:
    text, image = names.text_encoder_of_diffusers, names.image_encoder_of_diffusers
    return {
        "vae": Part("autoencoder", _weights(base / "vae"), names.unchanged, parts.vae),
        "text_encoder": Part("text encoder", _weights(base / "text_encoder"), text, parts.text_encoder),
        "image_encoder": Part("image encoder", _weights(base / "image_encoder"), image, parts.image_encoder),
    }


def _transformer_folder(base: Path) -> Path:
    return base / "transformer" if (base / "model_index.json").is_file() else base


def _has_audio(folder: Path) -> bool:
    return any(names.ADAPTER.match(name) for name in headers.read(_weights(folder)))


def _weights(folder: Path) -> tuple[Path, ...]:
    """Find a model's files: shards or one file of safetensors, or else a pickle."""
    for pattern in ("diffusion_pytorch_model*.safetensors", "model*.safetensors", "pytorch_model*.bin"):
        found = tuple(sorted(folder.glob(pattern)))
        if found:
            return found
    raise WeightsError(f"{folder} holds no weights.")


def _there(path: Path) -> Path:
    if not path.is_file():
        raise WeightsError(f"{path} is missing.")
    return path


def _read_json(path: Path) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise WeightsError(f"{path} cannot be read: {error}.") from error
    return told
