"""Conversations as a batch of tokens, with those that the assistant speaks."""

from typing import Any

import torch
from torch import Tensor
from transformers import BatchFeature

from emotion_qwen.processing import EmotionQwenProcessor


def tokenize_spoken(
    processor: EmotionQwenProcessor,
    conversations: list[list[dict[str, Any]]],
    add_generation_prompt: bool = False,
    **media_kwargs: dict[str, Any],
) -> tuple[BatchFeature, Tensor]:
    """Batches conversations with their media.

    Args:
        processor: Its chat template marks what the assistant says.
        conversations: Chat messages of each.
        add_generation_prompt: Whether the assistant's next turn is begun.
        **media_kwargs: The processor's `images_kwargs` and `videos_kwargs`.

    Returns:
        The model's inputs, padded on the right, and which tokens the assistant speaks: bool `(batch, length)`.
    """
    batch = processor.apply_chat_template(
        conversations,
        add_generation_prompt=add_generation_prompt,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
        return_assistant_tokens_mask=True,
        processor_kwargs={"padding": True, "padding_side": "right", **media_kwargs},
    )
    return batch, torch.as_tensor(batch.pop("assistant_masks")).bool()
