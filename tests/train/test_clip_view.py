import numpy as np
import pytest
from PIL import Image

from emotion_qwen.inference.prompts import EMOTION_LABELS
from emotion_qwen.train.augmentation import Augmentation
from emotion_qwen.train.clip_view import cut_record, stills_as_clip, view_clip
from emotion_qwen.train.known_faces import clip_faces
from emotion_qwen.train.synthetic.emotion_sentences import apex_moment

PLAIN = Augmentation(
    sides=(80,), face_height=(0.5, 0.5), mirror=0.0, brightness=0, contrast=0, balance=0, grey=0, noise=0
)


def event(apex: int) -> dict:
    return {"label": "happy", "onset_frame": apex - 2, "apex_frame": apex, "offset_frame": apex + 3}


def performance(*apexes: int) -> dict:
    return {"face_boxes": [[30 + t, 20, 60 + t, 60] for t in range(12)], "events": [event(apex) for apex in apexes]}


@pytest.fixture
def record() -> dict:
    return {"kind": "video", "label": "happy", "frames": 12, "fps": 3.0, "apex_frame": 7, **performance(7)}


@pytest.fixture
def frames() -> np.ndarray:
    """Grey, with a white face that moves to the right."""
    frames = np.full((12, 112, 112, 3), 90, np.uint8)
    for number, frame in enumerate(frames):
        frame[20:60, 30 + number : 60 + number] = 255
    return frames


def test_a_part_knows_what_happens_in_it(record):
    cut = cut_record(record | {"people": [performance(2, 7), performance(3)]}, 4, 6)
    assert (cut["frames"], cut["apex_frame"], len(cut["face_boxes"])) == (6, 3, 6)
    assert cut["face_boxes"][0] == [34, 20, 64, 60]
    assert [[each["apex_frame"] for each in person["events"]] for person in cut["people"]] == [[3], []]
    assert record["frames"] == 12 and record["events"][0]["apex_frame"] == 7, "the record itself is as it was"


@pytest.mark.parametrize("lengths", [(2, 2), (4, 8), (12, 40)])
def test_the_apex_lies_in_every_part(record, frames, lengths):
    for seed in range(30):
        seen, shown = view_clip(record, frames, np.random.default_rng(seed), lengths, PLAIN)
        assert len(shown) == seen["frames"] == len(seen["face_boxes"])
        assert len(shown) % 2 == 0 and lengths[0] <= len(shown) <= min(12, lengths[1])
        assert 0 <= seen["apex_frame"] < len(shown) and seen["fps"] == 3.0
        (key,) = clip_faces(seen, 80).key_frames
        assert key.frame == seen["apex_frame"]


@pytest.mark.parametrize("mirror", [0.0, 1.0])
def test_the_boxes_follow_the_face(record, frames, mirror):
    changed = Augmentation(**{**vars(PLAIN), "mirror": mirror, "face_height": (0.4, 0.8)})
    seen, shown = view_clip(record, frames, np.random.default_rng(1), (4, 8), changed)
    assert shown.shape[1:] == (80, 80, 3)
    for frame, (x0, y0, x1, y1) in zip(shown, seen["face_boxes"], strict=True):
        assert frame[round(y0) + 2 : round(y1) - 2, round(x0) + 2 : round(x1) - 2].min() > 240
        assert frame[:, : max(0, round(x0) - 2)].max(initial=90) < 100


def test_a_group_is_seen_whole(record, frames):
    people = [performance(7), performance(3) | {"face_boxes": [None] * 12}]
    seen, shown = view_clip(record | {"people": people}, frames, np.random.default_rng(0), (12, 12), PLAIN)
    assert shown.shape == (12, 80, 80, 3)
    first, second = (person["face_boxes"][0] for person in seen["people"])
    assert first == pytest.approx([edge * 80 / 112 for edge in (30, 20, 60, 60)]) and second is None


@pytest.mark.parametrize("shown, moment", [(0, "beginning"), (1, "middle"), (2, "end")])
def test_pictures_as_a_clip(shown, moment):
    views = [(Image.new("RGB", (80, 80), (number, 0, 0)), (10.0 + number, 20.0, 50.0, 60.0)) for number in range(3)]
    clip = stills_as_clip({"kind": "image", "label": "sad", "media": "itself"}, views, shown)
    assert (clip["kind"], clip["frames"], clip["fps"]) == ("video", 6, 3.0)
    assert [frame.getpixel((0, 0))[0] for frame in clip["media"]] == [0, 0, 1, 1, 2, 2]
    capture = clip_faces(clip, 80)
    (key,) = capture.key_frames
    assert (key.frame // 2, key.label, key.boxes) == (shown, "sad", (views[shown][1],))
    felt = ["sad" if number // 2 == shown else "neutral" for number in range(6)]
    assert [EMOTION_LABELS[np.argmax(face.probabilities)] for (face,) in capture.faces] == felt
    assert apex_moment(clip) == moment


def test_pictures_as_a_clip_in_which_no_face_is_found():
    views = [(Image.new("RGB", (80, 80)), (10.0, 20.0, 50.0, 60.0))]
    clip = stills_as_clip({"kind": "image", "label": "sad", "media": "itself"}, views, 0, found=False)
    assert clip_faces(clip, 80).key_frames == () and apex_moment(clip) is None
