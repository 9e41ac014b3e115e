"""Wan's video autoencoder as the model wants it: the mean, normalised, no sampling; and frames as they are decoded."""

from collections.abc import Iterator

import torch
from diffusers import AutoencoderKLWan
from torch import Tensor


def encode(vae: AutoencoderKLWan, frames: Tensor) -> Tensor:
    """Return latents (16 x latent frames x height/8 x width/8, float32) of frames (3 x 4n+1 x height x width)."""
    weight = vae.quant_conv.weight
    mean = vae.encode(frames[None].to(weight)).latent_dist.mode()[0].float()
    return (mean - _across(vae.config.latents_mean, mean)) / _across(vae.config.latents_std, mean)


def decode(vae: AutoencoderKLWan, latents: Tensor) -> Iterator[Tensor]:
    """Yield frames (3 x 1 x ..., then 3 x 4 x ..., float32, -1 to 1), so that a chunk is never whole in memory.

    `AutoencoderKLWan.decode` goes through the same caches in the same order, but hands out everything at the end.
    """
    wide = latents.float() * _across(vae.config.latents_std, latents) + _across(vae.config.latents_mean, latents)
    vae.clear_cache()
    hidden = vae.post_quant_conv(wide[None].to(vae.post_quant_conv.weight))
    for index in range(hidden.shape[2]):
        vae._conv_idx = [0]  # noqa: SLF001 - there is no other way to decode frame by frame
        kept = {"feat_cache": vae._feat_map, "feat_idx": vae._conv_idx}  # noqa: SLF001 - as above
        frames = vae.decoder(hidden[:, :, index : index + 1], **kept, first_chunk=index == 0)
        yield frames[0].float().clamp(-1, 1)
    vae.clear_cache()


def _across(values: list[float], like: Tensor) -> Tensor:
    return torch.tensor(values, device=like.device).view(-1, 1, 1, 1)
