"""Reads a prompt as Wan does: cleaned of markup and spare space, in at most 512 tokens, one vector each."""

import html
from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase, UMT5EncoderModel

from workers.infinitetalk.transformer import TEXT_TOKENS


def encode(encoder: UMT5EncoderModel, tokenizer: PreTrainedTokenizerBase, text: str) -> Tensor:
    """Return tokens x width (float32, CPU), without padding."""
    ids = tokenizer(cleaned(text), truncation=True, max_length=TEXT_TOKENS, add_special_tokens=True)["input_ids"]
    return read(encoder, ids)


@torch.inference_mode()
def read(encoder: UMT5EncoderModel, ids: Sequence[int]) -> Tensor:
    given = torch.tensor([list(ids)], device=encoder.shared.weight.device)
    vectors: Tensor = encoder(input_ids=given).last_hidden_state[0].float().cpu()
    return vectors


def cleaned(text: str) -> str:
    """Undo markup, twice as some come encoded twice, and squeeze white space."""
    return " ".join(html.unescape(html.unescape(text)).split())
