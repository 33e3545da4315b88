"""Clips that are made of pictures: one that shows an emotion among others of the same person."""

from collections.abc import Iterable, Sequence
from typing import Any

from PIL import Image

from emotion_qwen.processing.face_capture import Box
from emotion_qwen.train.synthetic.clip_lengths import CLIP_FPS
from emotion_qwen.train.synthetic.records import Record

View = tuple[Image.Image, Box | None]
"""A picture, and where the face is in it, pixels; None: there is none."""
FRAMES_OF_STILL = 2
"""Frames for which a picture is shown in a clip: as many as make one patch."""


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
    clip = {
        "kind": "video",
        "media": _held(picture for picture, _ in views),
        "frames": count,
        "fps": CLIP_FPS,
        "apex_frame": apex,
        "apex_time": round(apex / CLIP_FPS, 3),
        "face_box": views[shown][1],
        "events": [event],
    }
    return record | clip | ({"face_boxes": _held(box for _, box in views)} if found else {})


def _held(values: Iterable[Any]) -> list[Any]:
    return [value for value in values for _ in range(FRAMES_OF_STILL)]
