"""What the models of Emotion-Qwen return."""

from dataclasses import dataclass

import torch
from transformers.modeling_outputs import BaseModelOutputWithPast, BaseModelOutputWithPooling, CausalLMOutputWithPast

CACHE = "cache" if "cache" in BaseModelOutputWithPast.__dataclass_fields__ else "past_key_values"
"""What transformers calls the cache among arguments and outputs: `cache` since 5.24, `past_key_values` before."""


@dataclass
class EmotionQwenVisionOutput(BaseModelOutputWithPooling):
    """Output of the vision tower.

    Attributes:
        last_hidden_state: Patches after the last block, `(num_patches, d_v)`, in window order as in Qwen2.5-VL.
        pooler_output: Visual tokens: `(num_tokens, d_t)` from the tower, a tuple with one such tensor per item from
            `get_image_features` and `get_video_features`.
        gate_weights: float32 `(num_tokens, 2)`, emotion then general, split per item as `pooler_output` is; None
            unless asked for with `output_gate_weights=True`, and with the MLP projector, which has no gate.
    """

    gate_weights: torch.Tensor | tuple[torch.Tensor, ...] | None = None


@dataclass
class EmotionQwenModelOutputWithPast(BaseModelOutputWithPast):
    """Output of the base model.

    Attributes:
        gate_weights: One float32 `(num_tokens, 2)` tensor per item, all images in order and then all videos; None
            unless asked for with `output_gate_weights=True`.
    """

    gate_weights: tuple[torch.Tensor, ...] | None = None


@dataclass
class EmotionQwenCausalLMOutputWithPast(CausalLMOutputWithPast):
    """Output of the model that generates.

    Attributes:
        gate_weights: As in `EmotionQwenModelOutputWithPast`.
    """

    gate_weights: tuple[torch.Tensor, ...] | None = None


__all__ = [
    "CACHE",
    "EmotionQwenCausalLMOutputWithPast",
    "EmotionQwenModelOutputWithPast",
    "EmotionQwenVisionOutput",
]
