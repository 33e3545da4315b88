"""Conversations about rendered faces and drawn shapes, drawn by number with a view of their own."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from emotion_qwen.inference.prompts import EMOTION_LABELS
from emotion_qwen.processing import FaceCapture
from emotion_qwen.processing.face_capture import Box, Face, KeyFrame
from emotion_qwen.train.augmentation import Augmentation, augment_face
from emotion_qwen.train.synthetic.records import read_records
from emotion_qwen.train.synthetic.sentences import ask, chat
from emotion_qwen.train.synthetic.setting import COLOURLESS

_COLOURLESS_BELOW = 3.0
"""Greatest difference between the mean channels (steps of 255) of a picture that has lost its colour."""


@dataclass(frozen=True)
class DataSource:
    """One part of the training data. All its pictures have one size, so that a batch of it needs no padding.

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
    augmentation: dict = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "augmentation", Augmentation(sides=(self.side,), **self.augmentation))


class RenderedConversations:
    """Draws conversations from several sources: each sample is a view, a light and a question of its own.

    What a sample is depends on the seed and its number alone, so that a run that is resumed sees what an undisturbed
    one does. More variety comes from more samples, not from more epochs.

    Args:
        sources: Fields of a `DataSource` each.
        seed: Of all draws.
    """

    def __init__(self, sources: list[dict[str, Any]], seed: int) -> None:
        self.sources = [DataSource(**source) for source in sources]
        self.records = [_training_records(source) for source in self.sources]
        self.seed = seed
        self.groups = [number for number, source in enumerate(self.sources) for _ in range(source.samples)]
        """The source of each sample: samples of one source fit in a batch without padding."""

    def draw(self, index: int) -> dict[str, Any]:
        """Messages, and the faces captured in their picture or clip.

        Args:
            index: Number of the sample.
        """
        number = self.groups[index]
        rng = np.random.default_rng([self.seed, index])
        source, records = self.sources[number], self.records[number]
        record = records[int(rng.integers(len(records)))]
        media, capture = _view(source, record, rng)
        seen = _without_lost_colour(record, media)
        turns = ask(seen, rng, source.questions, source.label_share, source.general_share)
        return {"messages": chat(record | {"media": media}, *turns), "face_captures": [capture]}


def _training_records(source: DataSource) -> list[dict[str, Any]]:
    wanted = {"task": source.task, "kind": source.kind, "split": "train"}
    records = [r for r in read_records(Path(source.folder)) if all(r[key] == value for key, value in wanted.items())]
    if not records:
        raise ValueError(f"{source.folder} has no record of {wanted}.")
    return records


def _view(source: DataSource, record: dict[str, Any], rng: np.random.Generator) -> tuple[Any, Any]:
    """A new view of the record's picture with its faces, or its clip with what was captured in it."""
    path = Path(source.folder) / record["media"]
    if record["kind"] == "video":
        known = known_faces_of_clip if record["task"] == "emotion" else _faceless_clip
        return str(path), known(record, source.side)
    picture = np.asarray(Image.open(path).convert("RGB"))
    if record["task"] != "emotion":
        resized = Image.fromarray(picture).resize((source.side, source.side), Image.Resampling.BILINEAR)
        return resized, known_face(None, source.side, "neutral")
    picture, box = augment_face(picture, record["face_box"], rng, source.augmentation)
    if source.capture_share < 1.0 and rng.random() >= source.capture_share:
        box = None
    return Image.fromarray(picture), known_face(box, source.side, record["label"])


def known_faces_of_clip(record: dict[str, Any], side: int) -> FaceCapture:
    """What Facial Emotion Capture gives for a clip whose faces and apex frames are known exactly.

    Args:
        record: Of the kind "video".
        side: Side of its square frames, pixels.
    """
    fps = record["fps"]
    times = tuple(number / fps for number in range(record["frames"]))
    people = [_Seen(number, person) for number, person in enumerate(record.get("people", [record]))]
    faces = tuple(tuple(face for seen in people if (face := seen.face(frame))) for frame in range(len(times)))
    apexes = sorted(
        (event["apex_frame"], seen.track, event["label"]) for seen in people for event in seen.person["events"]
    )
    keys = tuple(
        _key_frame(frame, times[frame], label, track, faces[frame])
        for frame, track, label in apexes
        if any(face.track == track for face in faces[frame])
    )
    return FaceCapture((side, side), fps, times, faces, keys)


@dataclass(frozen=True)
class _Seen:
    """One person of a clip's record, followed as one track."""

    track: int
    person: dict[str, Any]

    def face(self, frame: int) -> Face | None:
        """The face at a frame, if it is in sight, with the emotion that is under way."""
        box = self.person["face_boxes"][frame]
        if box is None:
            return None
        events = self.person["events"]
        label = next((e["label"] for e in events if e["onset_frame"] < frame < e["offset_frame"]), "neutral")
        return certain_face(tuple(box), label, self.track)


def _key_frame(frame: int, time: float, label: str, track: int, faces: tuple[Face, ...]) -> KeyFrame:
    """An apex as a key frame; the face that shows the emotion comes first."""
    ordered = sorted(faces, key=lambda face: face.track != track)
    return KeyFrame(frame, time, label, 1.0, tuple(f.box for f in ordered), tuple(f.track for f in ordered))


def _faceless_clip(record: dict[str, Any], side: int) -> FaceCapture:
    """What Facial Emotion Capture gives for a clip without faces."""
    times = tuple(number / record["fps"] for number in range(record["frames"]))
    return FaceCapture((side, side), record["fps"], times, ((),) * record["frames"], ())


def _without_lost_colour(record: dict[str, Any], media: Any) -> dict[str, Any]:
    """The record, but for the colour of a background that a picture made grey no longer shows."""
    if record.get("background") in (None, *COLOURLESS) or not isinstance(media, Image.Image):
        return record
    means = np.asarray(media).reshape(-1, 3).mean(0)
    return record | {"background": None} if np.ptp(means) < _COLOURLESS_BELOW else record


def certain_face(box: Box, label: str, track: int = 0) -> Face:
    """A face of which nothing is in doubt; its landmarks, which nothing here reads, all lie in its middle."""
    middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    return Face(box, (middle,) * 5, 1.0, tuple(float(emotion == label) for emotion in EMOTION_LABELS), track)


def known_face(box: Box | None, side: int, label: str) -> FaceCapture:
    """What Facial Emotion Capture gives for a square picture in which the face's place is known exactly.

    It saves looking for a face that has just been rendered.

    Args:
        box: The face, or None: a picture without faces.
        side: Side of the picture, pixels.
        label: The emotion.
    """
    if box is None:
        return FaceCapture((side, side), None, None, ((),), ())
    key = KeyFrame(0, None, label, 1.0, (box,), (0,))
    return FaceCapture((side, side), None, None, ((certain_face(box, label),),), (key,))
