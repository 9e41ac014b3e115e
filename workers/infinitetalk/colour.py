"""Keeps a long video's colours where they began: moves each frame's mean and spread in Lab to the reference's."""

from typing import Final

import torch
from torch import Tensor

_WHITE: Final = (0.95047, 1.0, 1.08883)
"""D65, two degrees."""

_TO_XYZ: Final = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)

_LINEAR_BELOW: Final = 0.008856
_SRGB_LINEAR_BELOW: Final = 0.04045
_SRGB_CURVED_ABOVE: Final = 0.0031308


def match(frames: Tensor, reference: Tensor, strength: float = 1.0) -> Tensor:
    """Match frames (3 x frames x height x width) to a picture (3 x height x width), both RGB from -1 to 1."""
    if not strength:
        return frames
    target = to_lab(_unit(reference))
    source = to_lab(_unit(frames))
    moved = _standard(source, dims=(2, 3)) * _spread(target, (1, 2))[:, None] + _mean(target, (1, 2))[:, None]
    matched = to_rgb(moved).clamp(0, 1) * 2 - 1
    return torch.lerp(frames, matched, strength) if strength < 1 else matched


def to_lab(rgb: Tensor) -> Tensor:
    """Convert sRGB from 0 to 1, channels first."""
    linear = torch.where(rgb > _SRGB_LINEAR_BELOW, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    scaled = _mix(linear, rgb.new_tensor(_TO_XYZ)) / _across(rgb.new_tensor(_WHITE), rgb)
    roots = torch.where(scaled > _LINEAR_BELOW, scaled.clamp_min(0) ** (1 / 3), 7.787 * scaled + 16 / 116)
    x, y, z = roots.unbind(0)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def to_rgb(lab: Tensor) -> Tensor:
    """Convert back; what lies outside of sRGB comes out below 0 or above 1."""
    lightness, a, b = lab.unbind(0)
    y = (lightness + 16) / 116
    roots = torch.stack([y + a / 500, y, (y - b / 200).clamp_min(0)])
    scaled = torch.where(roots > _LINEAR_BELOW ** (1 / 3), roots**3, (roots - 16 / 116) / 7.787)
    back = torch.linalg.inv(torch.tensor(_TO_XYZ, dtype=torch.float64)).to(lab)
    linear = _mix(scaled * _across(lab.new_tensor(_WHITE), lab), back)
    curved = 1.055 * linear.clamp_min(0) ** (1 / 2.4) - 0.055
    return torch.where(linear > _SRGB_CURVED_ABOVE, curved, 12.92 * linear)


def _unit(picture: Tensor) -> Tensor:
    return ((picture + 1) / 2).clamp(0, 1)


def _standard(lab: Tensor, dims: tuple[int, ...]) -> Tensor:
    """Mean 0 and spread 1 over `dims`; a frame of one colour keeps its spread of nothing."""
    centred = lab - lab.mean(dims, keepdim=True)
    return centred / lab.std(dims, correction=0, keepdim=True).clamp_min(1e-8)


def _mean(lab: Tensor, dims: tuple[int, ...]) -> Tensor:
    return lab.mean(dims, keepdim=True)


def _spread(lab: Tensor, dims: tuple[int, ...]) -> Tensor:
    return lab.std(dims, correction=0, keepdim=True)


def _mix(channels: Tensor, matrix: Tensor) -> Tensor:
    return torch.einsum("oc,c...->o...", matrix, channels)


def _across(values: Tensor, like: Tensor) -> Tensor:
    return values.reshape(3, *[1] * (like.ndim - 1))
