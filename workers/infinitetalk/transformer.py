"""Wan 2.1's image-to-video transformer of diffusers, with InfiniteTalk's audio branch in every block."""

from collections.abc import Mapping
from typing import Any

import torch
from diffusers import WanTransformer3DModel
from diffusers.hooks._helpers import TransformerBlockMetadata, TransformerBlockRegistry
from diffusers.models.normalization import FP32LayerNorm
from diffusers.models.transformers.transformer_wan import WanRotaryPosEmbed, WanTransformerBlock
from torch import Tensor, nn

from workers.infinitetalk.audio_branch import PUBLISHED, AudioAttention, AudioProjector, AudioShape
from workers.infinitetalk.moment import Moment
from workers.infinitetalk.self_attention import SpeakerAttnProcessor

WAN_14B: Mapping[str, Any] = {
    "patch_size": (1, 2, 2),
    "num_attention_heads": 40,
    "attention_head_dim": 128,
    "in_channels": 36,
    "out_channels": 16,
    "text_dim": 4096,
    "freq_dim": 256,
    "ffn_dim": 13824,
    "num_layers": 40,
    "image_dim": 1280,
    "added_kv_proj_dim": 5120,
}
"""Wan2.1-I2V-14B in the words of diffusers."""

TEXT_TOKENS = 512
"""Text is padded with zeros to so many tokens; the transformer takes what stands before them for the picture's."""


class TalkBlock(WanTransformerBlock):
    """Wan's block with audio cross-attention between its text attention and its feed-forward."""

    def __init__(self, moment: Moment, audio: AudioShape, wan: Mapping[str, Any]) -> None:
        heads = wan["num_attention_heads"]
        dim = heads * wan["attention_head_dim"]
        super().__init__(dim, wan["ffn_dim"], heads, cross_attn_norm=True, added_kv_proj_dim=wan["added_kv_proj_dim"])
        self.moment = moment
        self.attn1.set_processor(SpeakerAttnProcessor(moment))
        self.norm_x = FP32LayerNorm(dim, 1e-6)
        self.audio_cross_attn = AudioAttention(dim, heads, audio)

    def forward(self, hidden_states: Tensor, encoder_hidden_states: Tensor, temb: Tensor, rotary_emb: Any) -> Tensor:  # noqa: ANN401 - a pair of tensors, passed on
        """As Wan's; what is heard comes from the moment."""
        modulation = (self.scale_shift_table + temb.float()).chunk(6, dim=1)
        shift, scale, gate, ffn_shift, ffn_scale, ffn_gate = modulation

        normed = (self.norm1(hidden_states.float()) * (1 + scale) + shift).type_as(hidden_states)
        attended = self.attn1(normed, None, None, rotary_emb)
        hidden_states = (hidden_states.float() + attended * gate).type_as(hidden_states)

        normed = self.norm2(hidden_states.float()).type_as(hidden_states)
        hidden_states = hidden_states + self.attn2(normed, encoder_hidden_states, None, None)

        hidden_states = hidden_states + self._heard(hidden_states)

        normed = (self.norm3(hidden_states.float()) * (1 + ffn_scale) + ffn_shift).type_as(hidden_states)
        return (hidden_states.float() + self.ffn(normed).float() * ffn_gate).type_as(hidden_states)

    def _heard(self, hidden: Tensor) -> Tensor:
        normed = self.norm_x(hidden.float()).type_as(hidden)
        return self.audio_cross_attn(normed, self.moment.audio, self.moment.places)


class TalkTransformer(WanTransformer3DModel):
    """The whole transformer. Build it on the meta device, then load weights with `assign`, then `settle`."""

    _skip_layerwise_casting_patterns = ("patch_embedding", "condition_embedder", "norm", "audio_proj")
    _keep_in_fp32_modules = ("rope", "time_embedder", "scale_shift_table", "norm1", "norm2", "norm3", "norm_x")
    _no_split_modules = ("TalkBlock",)
    _repeated_blocks = ("TalkBlock",)

    def __init__(self, wan: Mapping[str, Any] = WAN_14B, audio: AudioShape = PUBLISHED) -> None:
        # Wan's own blocks are never made: ours take their place.
        super().__init__(**{**wan, "num_layers": 0})
        self.register_to_config(num_layers=wan["num_layers"])
        self.audio_shape = audio
        self.moment = Moment()
        self.blocks = nn.ModuleList(TalkBlock(self.moment, audio, wan) for _ in range(wan["num_layers"]))
        self.audio_proj = AudioProjector(audio)

    def forward(
        self,
        latents: Tensor,
        timestep: Tensor,
        *,
        text: Tensor,
        image: Tensor,
        windows: Tensor,
        classes: Tensor | None = None,
    ) -> Tensor:
        """Return the velocity (1 x 16 x frames x height x width) at `timestep` (1).

        `latents` holds the 36 channels of noise, mask and condition; `text` is 1 x 512 x width, `image` 1 x 257 x
        width, `windows` speakers x video frames x 5 x layers x channels. From two speakers on `classes` says who is
        where in the first frame: (speakers + 1) x tokens, 0 or 1.
        """
        self.moment.begin(self.audio_proj(windows), classes if len(windows) > 1 else None)
        try:
            (velocity,) = super().forward(latents, timestep, text, image, return_dict=False)
        finally:
            self.moment.end()
        return velocity

    def settle(self) -> None:
        """Make what no file holds and the meta device did not: the tables of the rotary embedding."""
        config = self.config
        device = self.patch_embedding.weight.device
        with torch.device(device):
            self.rope = WanRotaryPosEmbed(config.attention_head_dim, config.patch_size, config.rope_max_seq_len)


def register_for_caches() -> None:
    """Let the caches of diffusers (first block, Mag, Taylor) find our blocks."""
    metadata = TransformerBlockMetadata(return_hidden_states_index=0, return_encoder_hidden_states_index=None)
    TransformerBlockRegistry.register(model_class=TalkBlock, metadata=metadata)


register_for_caches()
