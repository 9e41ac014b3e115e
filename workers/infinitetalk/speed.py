"""Makes passes faster without other weights: attention back ends, compiled blocks, answers reused between steps."""

from dataclasses import dataclass

from diffusers import FirstBlockCacheConfig

from workers.infinitetalk.transformer import TalkTransformer


@dataclass(frozen=True)
class Speed:
    """`attention` is a back end of diffusers (native, flash, sage, _flash_3, ...; None: PyTorch's own choice).

    `reuse_below` lets a step take over the answer of the one before when its first block changed by less than this
    share (0.05 is careful, 0.2 visible); every pass compares with itself.
    """

    attention: str | None = None
    is_compiled: bool = False
    reuse_below: float | None = None


def quicken(transformer: TalkTransformer, speed: Speed) -> None:
    """Set everything up; call once, after the weights have moved in. Raises ValueError for an unknown back end."""
    if speed.attention is not None:
        transformer.set_attention_backend(speed.attention)
    if speed.reuse_below is not None:
        transformer.enable_cache(FirstBlockCacheConfig(threshold=speed.reuse_below))
    if speed.is_compiled:
        for block in transformer.blocks:
            # In place, so that names, hooks and LoRAs stay where they are.
            block.compile()
