"""Wan's self-attention with an ear for speakers: passes on where each token would look in the first frame."""

import torch
from diffusers.models.attention_dispatch import dispatch_attention_fn
from diffusers.models.transformers.transformer_wan import WanAttention, WanAttnProcessor
from torch import Tensor

from workers.infinitetalk import speakers
from workers.infinitetalk.moment import Moment

Rotary = tuple[Tensor, Tensor]


class SpeakerAttnProcessor(WanAttnProcessor):
    """With one speaker it is Wan's own; from two on it also leaves `moment.places` behind for the audio attention."""

    def __init__(self, moment: Moment) -> None:
        super().__init__()
        self.moment = moment

    def __call__(
        self,
        attn: WanAttention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        rotary_emb: Rotary | None = None,
    ) -> Tensor:
        if self.moment.classes is None or rotary_emb is None:
            return super().__call__(attn, hidden_states, encoder_hidden_states, attention_mask, rotary_emb)
        query, key, value = self._projected(attn, hidden_states, rotary_emb)
        self._look(query, key, self.moment.classes)
        attended = dispatch_attention_fn(query, key, value, backend=self._attention_backend)
        return attn.to_out[1](attn.to_out[0](attended.flatten(2, 3).type_as(query)))

    def _look(self, query: Tensor, key: Tensor, classes: Tensor) -> None:
        attention = speakers.attention_map(query, key[:, : classes.shape[1]], classes)
        self.moment.places = speakers.positions(attention)
        if self.moment.maps is not None:
            self.moment.maps.append(attention)

    def _projected(self, attn: WanAttention, hidden: Tensor, rotary: Rotary) -> tuple[Tensor, Tensor, Tensor]:
        query, key = attn.norm_q(attn.to_q(hidden)), attn.norm_k(attn.to_k(hidden))
        query, key, value = (each.unflatten(2, (attn.heads, -1)) for each in (query, key, attn.to_v(hidden)))
        return _turned(query, rotary), _turned(key, rotary), value


def _turned(vectors: Tensor, rotary: Rotary) -> Tensor:
    """Wan's three-dimensional rotary embedding, whose tables hold every value twice."""
    cosine, sine = rotary[0][..., 0::2], rotary[1][..., 1::2]
    even, odd = vectors.unflatten(-1, (-1, 2)).unbind(-1)
    turned = torch.stack([even * cosine - odd * sine, even * sine + odd * cosine], dim=-1)
    return turned.flatten(-2).type_as(vectors)
