"""New views of rendered clips: a part around the apex, framed and lit anew; and clips that are made of pictures."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from PIL import Image

from emotion_qwen.processing.face_capture import Box
from emotion_qwen.train.augmentation import Augmentation, SquareView, change_light, sample_view
from emotion_qwen.train.synthetic.clip_lengths import CLIP_FPS, even_length
from emotion_qwen.train.synthetic.records import Record

View = tuple[Image.Image, Box | None]
"""A picture, and where the face is in it, pixels; None: there is none."""
FRAMES_OF_STILL = 2
"""Frames for which a picture is shown in a clip: as many as make one patch."""


def cut_record(record: Record, start: int, count: int) -> Record:
    """What is true of a part of a clip, in which its apex lies.

    Args:
        record: Of the kind "video", of one person or of several ("people").
        start: First frame of the part.
        count: Its frames.
    """
    apex = record["apex_frame"] - start
    cut = record | _cut_performance(record, start, count) | {"frames": count, "apex_frame": apex}
    if "people" in record:
        cut["people"] = [person | _cut_performance(person, start, count) for person in record["people"]]
    return cut


def view_clip(
    record: Record,
    frames: np.ndarray,
    rng: np.random.Generator,
    lengths: tuple[int, int],
    augmentation: Augmentation,
) -> tuple[Record, np.ndarray]:
    """Draws a part of a clip and a view of it. A group is seen whole; one person is framed anew.

    Args:
        record: As for `cut_record`.
        frames: uint8 (T, height, width, 3) RGB.
        rng: Source of randomness.
        lengths: Least and greatest number of frames of the part; its number is even.
        augmentation: How it is framed and lit.

    Returns:
        What is true of the view, and its frames, uint8 (t, side, side, 3) RGB.
    """
    count = even_length(rng, lengths[0], min(lengths[1], len(frames)))
    apex = record["apex_frame"]
    start = int(rng.integers(max(0, apex + 1 - count), min(apex, len(frames) - count) + 1))
    cut, frames = cut_record(record, start, count), frames[start : start + count]
    view = _sample_clip_view(cut, frames.shape[1:3], rng, augmentation)
    shown = change_light(np.stack([view.show(frame) for frame in frames]), rng, augmentation)
    return _map_boxes(cut, view.box_of), shown


def stills_as_clip(record: Record, views: Sequence[View], shown: int, found: bool = True) -> Record:
    """What is true of pictures of one person that are shown one after another as a clip, each for two frames.

    Args:
        record: Of the kind "image": of the picture that shows the emotion. In the others the face is relaxed.
        views: The pictures, all of one size.
        shown: Number of the one that shows the emotion.
        found: Whether the faces are found.
    """
    count = FRAMES_OF_STILL * len(views)
    apex = FRAMES_OF_STILL * (shown + 1) - 1
    event = {
        "label": record["label"],
        "onset_frame": apex - FRAMES_OF_STILL,
        "apex_frame": apex,
        "offset_frame": apex + 1,
    }
    media, boxes = (_held(each) for each in zip(*views, strict=True))
    clip = {"kind": "video", "media": media, "frames": count, "fps": CLIP_FPS, "apex_frame": apex, "events": [event]}
    return record | clip | ({"face_boxes": boxes} if found else {})


def _held(values: Iterable[Any]) -> list[Any]:
    return [value for value in values for _ in range(FRAMES_OF_STILL)]


def _cut_performance(person: Record, start: int, count: int) -> dict[str, Any]:
    """The part of what one person does; what has its apex outside of it is left out."""
    inside = [event for event in person["events"] if start <= event["apex_frame"] < start + count]
    moments = ("onset_frame", "apex_frame", "offset_frame")
    events = [event | {moment: event[moment] - start for moment in moments} for event in inside]
    return {"face_boxes": person["face_boxes"][start : start + count], "events": events}


def _sample_clip_view(
    record: Record, frame_size: tuple[int, int], rng: np.random.Generator, augmentation: Augmentation
) -> SquareView:
    if "people" in record:
        return SquareView(0.0, 0.0, max(frame_size), augmentation.sides[0], bool(rng.random() < augmentation.mirror))
    corners = np.array(record["face_boxes"])
    around = (*corners[:, :2].min(0).tolist(), *corners[:, 2:].max(0).tolist())
    return sample_view(around, frame_size, rng, augmentation)


def _map_boxes(record: Record, mapped: Callable[[Box], Box]) -> Record:
    def moved(person: Record) -> Record:
        return person | {"face_boxes": [None if box is None else mapped(box) for box in person["face_boxes"]]}

    record = moved(record)
    return record | {"people": [moved(person) for person in record["people"]]} if "people" in record else record
