"""Batches conversations with pictures and clips; the loss is on what the assistant says, and on nothing else."""

from collections.abc import Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any

import torch

from emotion_qwen.processing import EmotionQwenProcessor
from emotion_qwen.train.spoken_tokens import tokenize_spoken

IGNORED = -100
"""The label of a token that nothing is learnt from."""


class ConversationCollator:
    """Turns conversations into model inputs with labels. The processor does the work.

    A batch may mix conversations with pictures, with clips, with both and with neither.

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
                (a `FaceCapture`, its dict, or None: capture now) per picture or clip of the messages. A part with a
                clip's frames may have their `video_metadata`; without it they count as sampled already.

        Returns:
            The model's inputs, padded on the right, and `labels` int64 `(batch, length)`: the tokens of the
            assistant, `IGNORED` elsewhere.

        Raises:
            ValueError: If there is nothing to learn in one of the samples, or its face captures are not as many as
                its pictures and clips.
        """
        batch, spoken = tokenize_spoken(
            self.processor,
            [sample["messages"] for sample in samples],
            images_kwargs=self._capture_options(samples, "image"),
            videos_kwargs=self._capture_options(samples, "video") | _known_times(samples),
        )
        if not spoken.any(dim=1).all():
            number = int(spoken.any(dim=1).long().argmin())
            raise ValueError(f"The assistant says nothing in sample {number} of the batch: there is nothing to learn.")
        return {**batch, "labels": batch["input_ids"].masked_fill(~spoken, IGNORED)}

    def _capture_options(self, samples: list[dict[str, Any]], kind: str) -> dict[str, Any]:
        options: dict[str, Any] = {"facial_emotion_capture": self.facial_emotion_capture}
        captures = [capture for sample in samples for capture in _captures_of(sample, kind)]
        if self.facial_emotion_capture and captures:
            options["face_captures"] = captures
        return options


def show_sample(batch: Mapping[str, torch.Tensor], processor: EmotionQwenProcessor, row: int = 0) -> str:
    """Writes a sample of a batch out as the model reads it, with what it learns to say in » and «.

    Args:
        batch: What the collator made.
        processor: The collator's.
        row: Which sample.

    Returns:
        Text in which a run of one placeholder is written once, with its length, and padding is left out.
    """
    real = batch["attention_mask"][row].bool()
    tokens, labels = batch["input_ids"][row][real].tolist(), batch["labels"][row][real].tolist()
    tokenizer = processor.tokenizer
    placeholders = {tokenizer.convert_tokens_to_ids(t): t for t in (processor.image_token, processor.video_token)}
    pieces = []
    kinds = ((label != IGNORED, placeholders.get(token)) for token, label in zip(tokens, labels, strict=True))
    for (learnt, placeholder), run in groupby(zip(kinds, tokens, strict=True), key=itemgetter(0)):
        run_tokens = [token for _, token in run]
        text = f"{placeholder}×{len(run_tokens)}" if placeholder else tokenizer.decode(run_tokens)
        pieces.append(f"»{text}«" if learnt else text)
    return "".join(pieces)


def _media(sample: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Kind and part of each picture and clip, also where a part has no type, or nulls from a table."""
    media = []
    for message in sample["messages"]:
        if message["content"] is None or isinstance(message["content"], str):
            continue
        for part in message["content"]:
            named = next((kind for kind in ("image", "video") if part.get(kind) is not None), None)
            kind = part.get("type") or named
            if kind in ("image", "video"):
                media.append((kind, part))
    return media


def _captures_of(sample: Mapping[str, Any], kind: str) -> list[Any]:
    """The stored captures of the sample's media of one kind, None where there is none."""
    media = _media(sample)
    captures = sample.get("face_captures") or [None] * len(media)
    return [capture for (found, _), capture in zip(media, captures, strict=True) if found == kind]


def _known_times(samples: list[dict[str, Any]]) -> dict[str, Any]:
    """What is known of the times of clips that are frames already."""
    known = [part.get("video_metadata") for sample in samples for kind, part in _media(sample) if kind == "video"]
    return {"video_metadata": known} if any(metadata is not None for metadata in known) else {}
