"""Held-out tests: people and drawings that no phase saw, asked by what the model generates itself."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from asking import answers, batches, emotion_weights, prompts, some
from PIL import Image

from emotion_qwen.inference.media import load_media
from emotion_qwen.inference.prompts import label_question
from emotion_qwen.processing import EmotionQwenProcessor
from emotion_qwen.train.synthetic.records import Record, read_records
from emotion_qwen.train.synthetic.scoring import is_same_answer
from emotion_qwen.train.synthetic.sentences import record_turns

from .stored_runs import write_whole
from .training import Settings, data_folder


@dataclass(frozen=True)
class HeldOutTest:
    """Questions about held-out media of one data set.

    Attributes:
        kind: "image" or "video".
        records: One an item, with the media themselves or their path under "media".
        questions: One an item, in English.
        answers: The true ones.
        captures: What Facial Emotion Capture finds in each item, as a dict.
        tokens: Most tokens of an answer.
    """

    kind: str
    records: list[Record]
    questions: list[str]
    answers: list[str]
    captures: list[dict[str, Any]]
    tokens: int

    def prompts(self, processor: EmotionQwenProcessor, items: slice, captures_faces: bool) -> dict[str, torch.Tensor]:
        """A batch of items as the model takes it."""
        options: dict[str, Any] = {"facial_emotion_capture": captures_faces}
        if captures_faces:
            options["face_captures"] = self.captures[items]
        return prompts(processor, self.records[items], self.questions[items], **{f"{self.kind}s_kwargs": options})


def read_test(settings: Settings, name: str, processor: EmotionQwenProcessor) -> HeldOutTest:
    """Reads a test; faces are captured once and stored beside its data.

    Args:
        settings: The study's.
        name: One of `tests`.
        processor: Its Facial Emotion Capture looks for the faces.
    """
    folder, wanted = data_folder(settings, name), settings["tests"][name]
    records = some([r for r in read_records(folder) if r["split"] == "held_out"], wanted["most"])
    rng = np.random.default_rng(0)
    turns = [
        (label_question("en"), record["label"]) if record["task"] == "emotion" else record_turns(record, rng, "en")
        for record in records
    ]
    located = [record | {"media": _media(folder, record, wanted["side"])} for record in records]
    return HeldOutTest(
        kind=records[0]["kind"],
        records=located,
        questions=[question for question, _ in turns],
        answers=[answer for _, answer in turns],
        captures=_stored_captures(folder / f"captures-{wanted['side']}-{len(located)}.json", located, processor),
        tokens=wanted["tokens"],
    )


def share_right(
    model: Any, processor: EmotionQwenProcessor, test: HeldOutTest, batch_size: int, captures_faces: bool
) -> float:
    """Share of a test's items that the model answers rightly, greedily.

    Args:
        model: Emotion-Qwen, or a PEFT model around it.
        processor: Its processor.
        test: The test.
        batch_size: Items a batch.
        captures_faces: Whether masked copies of faces follow the media.
    """
    right = 0
    for items in batches(len(test.records), batch_size):
        said = answers(model, processor, test.prompts(processor, items, captures_faces), test.tokens)
        right += sum(map(is_same_answer, said, test.answers[items]))
    return right / len(test.records)


def emotion_weight(
    model: Any, processor: EmotionQwenProcessor, test: HeldOutTest, batch_size: int, captures_faces: bool, most: int
) -> float | None:
    """Mean weight of the emotion expert on at most so many of a test's items (Table 7); None without that expert."""
    if model.config.projector_type != "hybrid":
        return None
    weights = [
        emotion_weights(model, test.prompts(processor, items, captures_faces), test.kind)
        for items in batches(min(most, len(test.records)), batch_size)
    ]
    return torch.cat(weights).mean().item()


def _media(folder: Path, record: dict[str, Any], side: int) -> Any:
    if record["kind"] == "video":
        return str(folder / record["media"])
    return Image.open(folder / record["media"]).convert("RGB").resize((side, side), Image.Resampling.BILINEAR)


def _stored_captures(path: Path, records: list[dict[str, Any]], processor: EmotionQwenProcessor) -> list[Any]:
    if not path.exists():
        write_whole(path, [_capture(record, processor).to_dict() for record in records])
    return json.loads(path.read_text(encoding="utf-8"))


def _capture(record: dict[str, Any], processor: EmotionQwenProcessor) -> Any:
    media = load_media(record["media"], processor)
    if media.kind == "image":
        return processor.image_processor.capture_faces(media.frames[0])
    return processor.video_processor.capture_faces(media.frames, media.metadata)
