"""New views of rendered clips of one person: a part around the apex, framed and lit anew."""

import numpy as np

from emotion_qwen.train.augmentation import Augmentation, change_light, sample_view
from emotion_qwen.train.synthetic.clip_lengths import even_length
from emotion_qwen.train.synthetic.records import Record


def cut_record(record: Record, start: int, count: int) -> Record:
    """What is true of a part of a clip, in which its apex lies.

    Args:
        record: Of the kind "video", of one person.
        start: First frame of the part.
        count: Its frames.
    """
    inside = [event for event in record["events"] if start <= event["apex_frame"] < start + count]
    moments = ("onset_frame", "apex_frame", "offset_frame")
    events = [event | {moment: event[moment] - start for moment in moments} for event in inside]
    apex = record["apex_frame"] - start
    cut = record | {"frames": count, "apex_frame": apex, "apex_time": round(apex / record["fps"], 3), "events": events}
    return _with_boxes(cut, record["face_boxes"][start : start + count])


def view_clip(
    record: Record,
    frames: np.ndarray,
    rng: np.random.Generator,
    lengths: tuple[int, int],
    augmentation: Augmentation,
) -> tuple[Record, np.ndarray]:
    """Draws a part of a clip, and frames and lights it anew.

    Args:
        record: As for `cut_record`.
        frames: uint8 (T, height, width, 3) RGB.
        rng: Source of randomness.
        lengths: Least and greatest number of frames of the part; its number is even. A clip that is shorter is shown
            whole.
        augmentation: How it is framed and lit.

    Returns:
        What is true of the view, and its frames, uint8 (t, side, side, 3) RGB.
    """
    most = min(lengths[1], len(frames))
    count = even_length(rng, min(lengths[0], most), most)
    apex = record["apex_frame"]
    start = int(rng.integers(max(0, apex + 1 - count), min(apex, len(frames) - count) + 1))
    cut, frames = cut_record(record, start, count), frames[start : start + count]
    corners = np.array(cut["face_boxes"])
    around = (*corners[:, :2].min(0).tolist(), *corners[:, 2:].max(0).tolist())
    view = sample_view(around, frames.shape[1:3], rng, augmentation)
    shown = change_light(np.stack([view.show(frame) for frame in frames]), rng, augmentation)
    return _with_boxes(cut, [view.box_of(box) for box in cut["face_boxes"]]), shown


def _with_boxes(record: Record, boxes: list) -> Record:
    return record | {"face_boxes": boxes, "face_box": boxes[record["apex_frame"]]}
