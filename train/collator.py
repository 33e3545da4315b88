"""Batches conversations with pictures and clips; the loss is on what the assistant says, and on nothing else."""

from typing import Any

import torch

from emotion_qwen.processing import EmotionQwenProcessor

IGNORED = -100
"""The label of a token that nothing is learnt from."""


class ConversationCollator:
    """Turns conversations into model inputs with labels. The processor does the work.

    Args:
        processor: Its chat template marks what the assistant says.
        facial_emotion_capture: Whether masked copies of faces follow pictures and clips.
    """

    def __init__(self, processor: EmotionQwenProcessor, facial_emotion_capture: bool = True) -> None:
        self.processor = processor
        self.facial_emotion_capture = facial_emotion_capture

    def __call__(self, samples: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """Batches samples.

        Args:
            samples: Each with `messages`, and, where faces were captured before, with `face_captures`: one value
                (a `FaceCapture`, its dict, or None: capture now) per picture or clip of the messages.

        Returns:
            The model's inputs, padded on the right, and `labels` int64 `(batch, length)`: the tokens of the
            assistant, `IGNORED` elsewhere.
        """
        batch = self.processor.apply_chat_template(
            [sample["messages"] for sample in samples],
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            return_assistant_tokens_mask=True,
            processor_kwargs={
                "padding": True,
                "padding_side": "right",
                "images_kwargs": self._capture_options(samples, "image"),
                "videos_kwargs": self._capture_options(samples, "video"),
            },
        )
        spoken = torch.as_tensor(batch.pop("assistant_masks")).bool()
        return {**batch, "labels": batch["input_ids"].masked_fill(~spoken, IGNORED)}

    def _capture_options(self, samples: list[dict[str, Any]], kind: str) -> dict[str, Any]:
        options: dict[str, Any] = {"facial_emotion_capture": self.facial_emotion_capture}
        captures = [capture for sample in samples for capture in _captures_of(sample, kind)]
        if self.facial_emotion_capture and captures:
            options["face_captures"] = captures
        return options


def _captures_of(sample: dict[str, Any], kind: str) -> list[Any]:
    """The stored captures of the sample's media of one kind, None where there is none."""
    media = [
        part["type"]
        for message in sample["messages"]
        if not isinstance(message["content"], str)
        for part in message["content"]
        if part["type"] in ("image", "video")
    ]
    captures = sample.get("face_captures") or [None] * len(media)
    return [capture for medium, capture in zip(media, captures, strict=True) if medium == kind]
