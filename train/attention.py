"""Which attention a run computes with, and one for CPUs that multiply bfloat16."""

import logging
from typing import Any

import torch
from torch import nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import eager_mask
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import repeat_kv
from transformers.utils import is_flash_attn_2_available

logger = logging.getLogger(__name__)

EAGER_BF16 = "eager_bf16"
"""The name of `eager_bf16_attention` as `attn_implementation`."""


def choose_attention(wanted: str | None) -> str:
    """The attention to run: what was asked for, and for "auto" the fastest that is there.

    Args:
        wanted: "auto", None for "sdpa", or a name that transformers knows.
    """
    if wanted != "auto":
        return wanted or "sdpa"
    chosen = "flash_attention_2" if is_flash_attn_2_available() else "sdpa"
    logger.info("attention: %s", chosen)
    return chosen


def eager_bf16_attention(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float,
    dropout: float = 0.0,
    **_: Any,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Transformers' eager attention, with scores that no step widens to float32.

    Under autocast eager attention scales the scores, adds a float32 mask and takes the softmax in float32: three
    passes over what is largest. Here the queries are scaled, and the softmax keeps the type of the scores.

    Args:
        module: Its `num_key_value_groups`, if it has them, say how many queries share a key.
        query: `(batch, heads, length, head_dim)`.
        key: `(batch, key_value_heads, key_length, head_dim)`.
        value: As the keys.
        attention_mask: Added to the scores, `(batch, 1, length, key_length)`, or None.
        scaling: Factor of the scores.
        dropout: Probability with which a weight is left out in training.
        **_: What other attentions need.

    Returns:
        `(batch, length, heads, head_dim)`, and the weights `(batch, heads, length, key_length)`.
    """
    groups = getattr(module, "num_key_value_groups", 1)
    key, value = repeat_kv(key, groups), repeat_kv(value, groups)
    scores = (query * scaling) @ key.transpose(2, 3)
    if attention_mask is not None:
        # The least float32 would become minus infinity, and a padded row, in which all is masked, not a number.
        scores = scores + attention_mask.clamp(torch.finfo(scores.dtype).min).to(scores.dtype)
    with torch.autocast(scores.device.type, enabled=False):
        weights = scores.softmax(-1)
    weights = nn.functional.dropout(weights, dropout, module.training)
    return (weights @ value).transpose(1, 2).contiguous(), weights


AttentionInterface.register(EAGER_BF16, eager_bf16_attention)
AttentionMaskInterface.register(EAGER_BF16, eager_mask)
