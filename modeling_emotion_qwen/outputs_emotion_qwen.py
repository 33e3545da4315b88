"""What the models of Emotion-Qwen return."""

from dataclasses import dataclass

import torch
from transformers.modeling_outputs import BaseModelOutputWithPast, BaseModelOutputWithPooling, CausalLMOutputWithPast
from transformers.utils import ModelOutput

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
class MediaOutputs:
    """What both models return of the images and videos in a prompt, after the fields of transformers' own outputs.

    Attributes:
        gate_weights: One float32 `(num_tokens, 2)` tensor per item, all images in order and then all videos; None
            unless asked for with `output_gate_weights=True`.
        image_outputs: What `get_image_features` returns for all images, or what `mm_encoder_outputs` held for them:
            `last_hidden_state` is `(num_patches, d_v)`, `pooler_output` has one `(num_tokens, d_t)` tensor per image.
            None without images, as in every step of generation after the first.
        video_outputs: The same of all videos.
    """

    gate_weights: tuple[torch.Tensor, ...] | None = None
    image_outputs: BaseModelOutputWithPooling | None = None
    video_outputs: BaseModelOutputWithPooling | None = None

    def to_tuple(self) -> tuple:
        """Gives all that is not None, with tuples for the outputs of images and of videos, as transformers 5.24 does.

        A model that is traced may return nothing but tensors and tuples of them.
        """
        return tuple(value.to_tuple() if isinstance(value, ModelOutput) else value for value in super().to_tuple())


@dataclass
class EmotionQwenModelOutputWithPast(MediaOutputs, BaseModelOutputWithPast):
    """Output of the base model: the fields of `BaseModelOutputWithPast`, then those of `MediaOutputs`."""


@dataclass
class EmotionQwenCausalLMOutputWithPast(MediaOutputs, CausalLMOutputWithPast):
    """Output of the model that generates: the fields of `CausalLMOutputWithPast`, then those of `MediaOutputs`."""


__all__ = [
    "CACHE",
    "EmotionQwenCausalLMOutputWithPast",
    "EmotionQwenModelOutputWithPast",
    "EmotionQwenVisionOutput",
    "MediaOutputs",
]
