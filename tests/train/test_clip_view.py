import numpy as np
import pytest

from emotion_qwen.train.augmentation import Augmentation
from emotion_qwen.train.clip_view import cut_record, view_clip
from emotion_qwen.train.known_faces import clip_faces

PLAIN = Augmentation(
    sides=(80,), face_height=(0.5, 0.5), mirror=0.0, brightness=0, contrast=0, balance=0, grey=0, noise=0
)


def event(apex: int) -> dict:
    return {"label": "happy", "onset_frame": apex - 2, "apex_frame": apex, "offset_frame": apex + 3}


@pytest.fixture
def record() -> dict:
    boxes = [[30 + t, 20, 60 + t, 60] for t in range(12)]
    known = {"label": "happy", "apex_frame": 7, "events": [event(7)], "face_boxes": boxes}
    return {"kind": "video", "frames": 12, "fps": 3.0, **known}


@pytest.fixture
def frames() -> np.ndarray:
    """Grey, with a white face that moves to the right."""
    frames = np.full((12, 112, 112, 3), 90, np.uint8)
    for number, frame in enumerate(frames):
        frame[20:60, 30 + number : 60 + number] = 255
    return frames


def test_a_part_knows_what_happens_in_it(record):
    cut = cut_record(record | {"events": [event(2), event(7)]}, 4, 6)
    assert (cut["frames"], cut["apex_frame"], cut["apex_time"], len(cut["face_boxes"])) == (6, 3, 1.0, 6)
    assert cut["face_boxes"][0] == [34, 20, 64, 60] and cut["face_box"] == [37, 20, 67, 60]
    assert [each["apex_frame"] for each in cut["events"]] == [3]
    assert record["frames"] == 12 and record["events"][0]["apex_frame"] == 7, "the record itself is as it was"


@pytest.mark.parametrize("lengths", [(2, 2), (4, 8), (12, 40), (16, 40)])
def test_the_apex_lies_in_every_part(record, frames, lengths):
    for seed in range(30):
        seen, shown = view_clip(record, frames, np.random.default_rng(seed), lengths, PLAIN)
        assert len(shown) == seen["frames"] == len(seen["face_boxes"])
        assert len(shown) % 2 == 0 and min(12, lengths[0]) <= len(shown) <= min(12, lengths[1])
        assert 0 <= seen["apex_frame"] < len(shown) and seen["fps"] == 3.0
        (key,) = clip_faces(seen, 80).key_frames
        assert key.frame == seen["apex_frame"]
        assert (key.time, key.boxes) == (pytest.approx(seen["apex_time"], abs=1e-3), (tuple(seen["face_box"]),))


@pytest.mark.parametrize("mirror", [0.0, 1.0])
def test_the_boxes_follow_the_face(record, frames, mirror):
    changed = Augmentation(**{**vars(PLAIN), "mirror": mirror, "face_height": (0.4, 0.8)})
    seen, shown = view_clip(record, frames, np.random.default_rng(1), (4, 8), changed)
    assert shown.shape[1:] == (80, 80, 3)
    for frame, (x0, y0, x1, y1) in zip(shown, seen["face_boxes"], strict=True):
        assert frame[round(y0) + 2 : round(y1) - 2, round(x0) + 2 : round(x1) - 2].min() > 240
        assert frame[:, : max(0, round(x0) - 2)].max(initial=90) < 100
