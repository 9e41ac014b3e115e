"""Says at which noise levels the model is asked: the original's schedule, and one that few steps can live with."""

from typing import Final

import torch
from diffusers import FlowMatchEulerDiscreteScheduler

ENOUGH_STEPS: Final = 8
"""With fewer, the original's last step begins next to no noise and does almost nothing."""


def original(steps: int, shift: float) -> FlowMatchEulerDiscreteScheduler:
    """Make the original's schedule: from 1 to 1/1000 in equal steps, shifted, then 0."""
    return _scheduler(torch.linspace(1.0, 0.001, steps).tolist(), shift)


def even(steps: int, shift: float) -> FlowMatchEulerDiscreteScheduler:
    """Make a schedule of equal strides down to 0: 1, 1 - 1/n, ..., 1/n, shifted, then 0."""
    return _scheduler([1 - step / steps for step in range(steps)], shift)


def fitting(steps: int, shift: float) -> FlowMatchEulerDiscreteScheduler:
    return (original if steps >= ENOUGH_STEPS else even)(steps, shift)


def _scheduler(sigmas: list[float], shift: float) -> FlowMatchEulerDiscreteScheduler:
    scheduler = FlowMatchEulerDiscreteScheduler(shift=shift)
    scheduler.set_timesteps(sigmas=sigmas)
    return scheduler
