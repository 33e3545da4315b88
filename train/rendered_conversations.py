"""Conversations about rendered faces and drawn shapes, drawn by number with a view of their own."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from emotion_qwen.processing import FaceCapture
from emotion_qwen.train.augmentation import Augmentation, augment_face
from emotion_qwen.train.known_faces import clip_faces, picture_faces
from emotion_qwen.train.synthetic.records import Record, read_records
from emotion_qwen.train.synthetic.sentences import ask, chat
from emotion_qwen.train.synthetic.setting import COLOURLESS

_COLOURLESS_BELOW = 3.0
"""Greatest difference between the mean channels (steps of 255) of a picture that has lost its colour."""


@dataclass(frozen=True)
class RenderedSettings:
    """What a recipe says of a rendered data set. All that is drawn has one size: a batch of it needs no padding.

    Attributes:
        folder: A data set as `synthetic.data_set` writes it.
        task: "emotion", or one of the drawings: "shapes", "words" or "moving".
        kind: "image" or "video".
        samples: Samples drawn from it in an epoch.
        side: Side of the square pictures or frames, pixels. Pictures are brought to it; clips are made with it.
        label_share: Share of the questions about a face that ask for one word; the others ask for the reasons.
        general_share: Share of the questions about a face that ask for no emotion: how many people, what is behind.
        questions: At most so many different questions about each picture or clip, one after the other. Looking costs
            more than answering, so that several questions teach more in the same time.
        capture_share: Share of the pictures of people in which Facial Emotion Capture has found the face; the others
            go without a masked copy, which halves their cost.
        augmentation: Fields of `Augmentation` but `sides`.
    """

    folder: str
    samples: int
    side: int
    task: str = "emotion"
    kind: str = "image"
    label_share: float = 0.5
    general_share: float = 0.0
    questions: int = 1
    capture_share: float = 1.0
    augmentation: dict[str, Any] = field(default_factory=dict)


class RenderedConversations:
    """Draws conversations about the training media of a data set: each has a view, a light and questions of its own.

    What a sample is depends on the seed and its number alone, so that a run that is resumed sees what an undisturbed
    one does. More variety comes from more samples, not from more epochs.

    Args:
        settings: What is drawn from where.
        seed: Of all draws.

    Raises:
        FileNotFoundError: If there is no data set in the folder.
        ValueError: If it has no such media for training.
    """

    def __init__(self, settings: RenderedSettings, seed: int) -> None:
        self.settings = settings
        self.augmentation = Augmentation(sides=(settings.side,), **settings.augmentation)
        self.records = _training_records(settings)
        self.seed = seed

    def __len__(self) -> int:
        return self.settings.samples

    def draw(self, index: int) -> dict[str, Any]:
        """Messages, and the faces captured in their picture or clip.

        Args:
            index: Number of the sample.
        """
        rng = np.random.default_rng([self.seed, index])
        record = self.records[int(rng.integers(len(self.records)))]
        media, capture = self._view(record, rng)
        seen = _without_lost_colour(record, media)
        asked = self.settings
        turns = ask(seen, rng, asked.questions, asked.label_share, asked.general_share)
        return {"messages": chat(record | {"media": media}, *turns), "face_captures": [capture]}

    def _view(self, record: Record, rng: np.random.Generator) -> tuple[Image.Image | str, FaceCapture]:
        """A new view of the record's picture, or its clip as it is, with what is captured in it."""
        side, path = self.settings.side, Path(self.settings.folder) / record["media"]
        if record["kind"] == "video":
            return str(path), clip_faces(record, side)
        picture = Image.open(path).convert("RGB")
        if record["task"] != "emotion":
            return picture.resize((side, side), Image.Resampling.BILINEAR), picture_faces(None, side, "neutral")
        view, box = augment_face(np.asarray(picture), record["face_box"], rng, self.augmentation)
        found = self.settings.capture_share >= 1.0 or rng.random() < self.settings.capture_share
        return Image.fromarray(view), picture_faces(box if found else None, side, record["label"])


def _training_records(settings: RenderedSettings) -> list[Record]:
    wanted = {"task": settings.task, "kind": settings.kind, "split": "train"}
    records = [r for r in read_records(Path(settings.folder)) if all(r[key] == value for key, value in wanted.items())]
    if not records:
        raise ValueError(f"{settings.folder} has no record of {wanted}.")
    return records


def _without_lost_colour(record: Record, media: Image.Image | str) -> Record:
    """The record, but for the colour of a background that a picture made grey no longer shows."""
    if record.get("background") in (None, *COLOURLESS) or not isinstance(media, Image.Image):
        return record
    means = np.asarray(media).reshape(-1, 3).mean(0)
    return record | {"background": None} if np.ptp(means) < _COLOURLESS_BELOW else record
