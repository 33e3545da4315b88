"""Conversations about rendered faces and drawn shapes, drawn by number with a view of their own."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from emotion_qwen.processing import FaceCapture
from emotion_qwen.processing.video_decoding import decode_video
from emotion_qwen.train.augmentation import Augmentation, augment_face
from emotion_qwen.train.clip_view import view_clip
from emotion_qwen.train.known_faces import clip_faces, picture_faces
from emotion_qwen.train.still_clip import View, stills_as_clip
from emotion_qwen.train.synthetic.clip_lengths import require_even_length
from emotion_qwen.train.synthetic.records import SPLITS, TRAIN, Record, read_records
from emotion_qwen.train.synthetic.sentences import ask, chat
from emotion_qwen.train.synthetic.setting import COLOURLESS

STILL_VIDEO = "still_video"
"""The kind of pictures that are shown as clips."""
_COLOURLESS_BELOW = 3.0
"""Greatest difference between the mean channels (steps of 255) of a picture that has lost its colour."""


@dataclass(frozen=True)
class RenderedSettings:
    """What a recipe says of a rendered data set. All of its pictures and frames have one size.

    Attributes:
        folder: A data set as `synthetic.data_set` writes it.
        task: "emotion", or one of the drawings: "shapes", "words" or "moving".
        kind: "image", "video", or "still_video": pictures that are shown as clips, each for two frames. So the many
            pictures, which cost little, teach what clips ask for: to find the telling moment among others.
        samples: Samples drawn from it in an epoch.
        side: Side of the square pictures or frames, pixels. Whole clips are made with it, all else is brought to it.
        label_share: Share of the drawn questions about a face that ask for one word; the others ask for the reasons.
        general_share: Share of the drawn questions about a face that ask for no emotion: how many people, what is
            behind.
        questions: How many questions about each picture or clip are drawn; they are asked one after the other, and
            one that is drawn again is not asked again. Looking costs more than answering, so that several questions
            teach more in the same time.
        capture_share: Share of the pictures of people, and of the clips made of them, in which Facial Emotion Capture
            has found the face; the others go without a masked copy, which halves their cost. In rendered clips it is
            always found.
        augmentation: Fields of `Augmentation` but `sides`. Whole clips stay as they are.
        clip_frames: Least and greatest number of frames of the part that is shown of a clip of one person; None: whole
            clips.
        relaxed_stills: Least and greatest number of pictures of the same person's relaxed face that stand before and
            after the picture in its clip ("still_video"); none where there is no such picture.
        split: "train", or "held_out": the people and drawings that are kept for measuring.

    Raises:
        ValueError: If a part would have no even number of frames, drawings are to be cut or shown as clips, or there
            is no such split.
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
    clip_frames: tuple[int, int] | None = None
    relaxed_stills: tuple[int, int] = (0, 0)
    split: str = TRAIN

    def __post_init__(self) -> None:
        if self.clip_frames is not None:
            require_even_length(*self.clip_frames)
        if self.task != "emotion" and (self.clip_frames is not None or self.kind == STILL_VIDEO):
            raise ValueError(f"`clip_frames` and the kind {STILL_VIDEO!r} are for faces, not for {self.task!r}.")
        if self.split not in SPLITS:
            raise ValueError(f"The split of rendered data is {' or '.join(map(repr, SPLITS))}, not {self.split!r}.")


class RenderedConversations:
    """Draws conversations about the media of a data set: each has a view, a light and questions of its own.

    What a sample is depends on the seed and its number alone, so that a run that is resumed sees what an undisturbed
    one does. More variety comes from more samples, not from more epochs.

    Args:
        settings: What is drawn from where.
        seed: Of all draws.

    Raises:
        FileNotFoundError: If there is no data set in the folder.
        ValueError: If it has no such media, or groups of which parts are to be shown.
    """

    def __init__(self, settings: RenderedSettings, seed: int) -> None:
        self.settings = settings
        self.augmentation = Augmentation(sides=(settings.side,), **settings.augmentation)
        self.records = _records(settings)
        self.relaxed = _relaxed_faces(self.records) if settings.kind == STILL_VIDEO else {}
        self.seed = seed

    def __len__(self) -> int:
        return self.settings.samples

    def draw(self, index: int) -> dict[str, Any]:
        """Messages, and the faces captured in their picture or clip.

        Args:
            index: Number of the sample.
        """
        record, rng = self._drawn(index)
        seen, capture = self._view(record, rng)
        asked = self.settings
        turns = ask(seen, rng, asked.questions, asked.label_share, asked.general_share)
        return {"messages": chat(seen, *turns), "face_captures": [capture]}

    def record(self, index: int) -> Record:
        """What is true of the media that a sample shows, before they are framed and lit anew.

        Args:
            index: Number of the sample.
        """
        return self._drawn(index)[0]

    def _drawn(self, index: int) -> tuple[Record, np.random.Generator]:
        """The record of a sample, and the source of all that is drawn further for it."""
        rng = np.random.default_rng([self.seed, index])
        return self.records[int(rng.integers(len(self.records)))], rng

    def _view(self, record: Record, rng: np.random.Generator) -> tuple[Record, FaceCapture]:
        """A new view of the record's media: what is true of it, with itself as "media", and what is captured in it."""
        side = self.settings.side
        if self.settings.kind != "image":
            seen = self._stills(record, rng) if self.settings.kind == STILL_VIDEO else self._clip(record, rng)
            return seen, clip_faces(seen, side)
        view, face = self._picture(record, rng)
        capture = picture_faces(face if self._is_found(rng) else None, side, record.get("label", "neutral"))
        return _without_lost_colour(record, view) | {"media": view}, capture

    def _clip(self, record: Record, rng: np.random.Generator) -> Record:
        path = self._path(record)
        if self.settings.clip_frames is None:
            return record | {"media": str(path)}
        frames = decode_video(path)[0].permute(0, 2, 3, 1).numpy()
        seen, shown = view_clip(record, frames, rng, self.settings.clip_frames, self.augmentation)
        return _without_lost_colour(seen, shown) | {"media": list(map(Image.fromarray, shown))}

    def _stills(self, record: Record, rng: np.random.Generator) -> Record:
        """The record's picture as a clip, among others of the same person; each has a background of its own."""
        least, most = self.settings.relaxed_stills
        relaxed = self.relaxed.get(record["identity"], [])
        count = int(rng.integers(least, most + 1)) if relaxed else 0
        others = [relaxed[int(rng.integers(len(relaxed)))] for _ in range(count)]
        shown = int(rng.integers(len(others) + 1))
        views = [self._picture(each, rng) for each in (*others[:shown], record, *others[shown:])]
        seen = record | {"background": None} if others else _without_lost_colour(record, views[shown][0])
        return stills_as_clip(seen, views, shown, found=self._is_found(rng))

    def _picture(self, record: Record, rng: np.random.Generator) -> View:
        """A new view of a picture, and where the face is in it."""
        side, picture = self.settings.side, Image.open(self._path(record)).convert("RGB")
        if record["task"] != "emotion":
            return picture.resize((side, side), Image.Resampling.BILINEAR), None
        view, box = augment_face(np.asarray(picture), record["face_box"], rng, self.augmentation)
        return Image.fromarray(view), box

    def _is_found(self, rng: np.random.Generator) -> bool:
        return self.settings.capture_share >= 1.0 or rng.random() < self.settings.capture_share

    def _path(self, record: Record) -> Path:
        return Path(self.settings.folder) / record["media"]


def _records(settings: RenderedSettings) -> list[Record]:
    kind = "image" if settings.kind == STILL_VIDEO else settings.kind
    wanted = {"task": settings.task, "kind": kind, "split": settings.split}
    records = [r for r in read_records(Path(settings.folder)) if all(r[key] == value for key, value in wanted.items())]
    if not records:
        raise ValueError(f"{settings.folder} has no record of {wanted}.")
    if settings.clip_frames is not None and any("people" in record for record in records):
        raise ValueError(f"{settings.folder} shows groups; `clip_frames` is for clips of one person.")
    return records


def _relaxed_faces(records: list[Record]) -> dict[int, list[Record]]:
    """The pictures of each person's relaxed face, by identity."""
    relaxed: dict[int, list[Record]] = {}
    for record in records:
        if record["label"] == "neutral":
            relaxed.setdefault(record["identity"], []).append(record)
    return relaxed


def _without_lost_colour(record: Record, pixels: Image.Image | np.ndarray) -> Record:
    """The record, but for the colour of a background that is no longer shown where pixels (..., 3) were made grey."""
    if record.get("background") in (None, *COLOURLESS):
        return record
    means = np.asarray(pixels).reshape(-1, 3).mean(0)
    return record | {"background": None} if np.ptp(means) < _COLOURLESS_BELOW else record
