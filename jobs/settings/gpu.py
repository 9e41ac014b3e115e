"""What can be set of the engine `gpu`: where its weights lie, and how and where they render."""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings


class GpuSettings(BaseSettings):
    """Part of `jobs.settings.Settings`, which reads it."""

    gpu_weights: str = Field("", description="Folder of the model's weights; docs/gpu.md says what belongs in it.")
    gpu_device: str = Field(
        "cuda", pattern=r"^(cuda(:\d+)?|cpu)$", description="Where gpu renders: cuda, cuda:1, or cpu for tiny weights."
    )
    gpu_adapter: Literal["auto", "multi"] = Field(
        "auto",
        description="InfiniteTalk's weights: auto takes those for one speaker or for several, multi always the latter.",
    )
    gpu_preset: Literal["standard", "few-steps"] = Field(
        "standard",
        description="How jobs are rendered that do not say: standard, or few-steps for a LoRA that needs no more.",
    )
    gpu_fast_preset: Literal["fast", "few-steps"] = Field(
        "fast",
        description="How the -fast models are rendered: fast with FlashTalk's weights, or few-steps with a LoRA.",
    )
    gpu_lora: str = Field("", description="A LoRA file for the preset few-steps, added to the weights.")
    gpu_lora_strength: float = Field(1.0, gt=0, le=2, description="How strongly that LoRA is added.")
    gpu_residency: Literal["auto", "resident", "eight_bit", "offloaded"] = Field(
        "auto",
        description="Where the model lives: all on the GPU, there in 8 bit, coming and going; auto by free memory.",
    )
    gpu_attention: str = Field(
        "", description="Attention back end of diffusers: native, flash, sage, ...; empty for PyTorch's own choice."
    )
    gpu_compile: bool = Field(
        default=False, description="Whether blocks are compiled: minutes at the start of every job, faster steps after."
    )
    gpu_half_vae: bool = Field(
        default=False, description="Whether the video autoencoder works in 16 bit: faster, slightly coarser."
    )
    gpu_reuse_below: float = Field(
        0,
        ge=0,
        le=1,
        description="Steps reuse the one before if less than this share changed: 0 never, 0.05 careful, 0.2 visible.",
    )
