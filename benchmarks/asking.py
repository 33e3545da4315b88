"""Asking a model about records: which ones, in which batches, what it answers and how its gate weighs what it sees."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from transformers import BatchFeature

from emotion_qwen import mean_gate_weights
from emotion_qwen.processing import EmotionQwenProcessor
from emotion_qwen.train.synthetic.records import Record
from emotion_qwen.train.synthetic.sentences import chat


def some(records: Sequence[Record], most: int) -> list[Record]:
    """At most so many of the records, always the same ones."""
    chosen = np.random.default_rng(0).permutation(len(records))[:most]
    return [records[number] for number in sorted(chosen.tolist())]


def batches(count: int, size: int) -> list[slice]:
    """Divides so many items into batches of `size`; the last may be smaller."""
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]


def prompts(
    processor: EmotionQwenProcessor, records: Sequence[Record], questions: Sequence[str], **options: Any
) -> BatchFeature:
    """A batch of questions as the model takes it.

    Args:
        processor: The model's.
        records: One a question; under "media" the picture itself, or the path of the picture or clip.
        questions: To be answered.
        **options: Of the processor, such as `images_kwargs`.
    """
    return processor.apply_chat_template(
        [chat(record, (question, ""))[:1] for record, question in zip(records, questions, strict=True)],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
        processor_kwargs={"padding": True, "padding_side": "left", **options},
    )


@torch.inference_mode()
def answers(model: Any, processor: EmotionQwenProcessor, inputs: BatchFeature, tokens: int) -> list[str]:
    """What the model generates greedily, at most so many tokens for each prompt.

    Args:
        model: Emotion-Qwen, or a PEFT model around it.
        processor: Its processor.
        inputs: As `prompts` gives them.
        tokens: Most tokens of an answer.
    """
    generated = model.generate(**inputs.to(model.device), max_new_tokens=tokens, do_sample=False)
    return processor.batch_decode(generated[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)


@torch.inference_mode()
def emotion_weights(model: Any, inputs: BatchFeature, kind: str) -> torch.Tensor | None:
    """Mean weight of the emotion expert on each item (Table 7), float32 (items,); None for a model without a gate.

    Args:
        model: Emotion-Qwen.
        inputs: As `prompts` gives them, all of one kind.
        kind: "image" or "video".
    """
    suffix, see = ("", model.get_image_features) if kind == "image" else ("_videos", model.get_video_features)
    inputs = inputs.to(model.device)
    grid = inputs[f"{kind}_grid_thw"]
    seen = see(inputs[f"pixel_values{suffix}"], grid, output_gate_weights=True, return_dict=True)
    return mean_gate_weights(seen.gate_weights)[:, 0] if seen.gate_weights else None
