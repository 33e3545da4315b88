"""The evidence picture: nothing is cut off, and every case has its place."""

import os
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image, ImageColor
from skimage.measure import label, regionprops

from emotion_qwen.inference import EMOTION_LABELS, EmotionAnalysis, Gate, OutputError, TimelinePoint
from emotion_qwen.inference.emotion_curves import spread
from emotion_qwen.inference.evidence_file import save_evidence
from emotion_qwen.inference.evidence_picture import draw_evidence
from emotion_qwen.inference.media import DecodedMedia
from emotion_qwen.inference.palette import emotion_color
from emotion_qwen.inference.typeface import Typeface
from emotion_qwen.processing.face_capture import Face, FaceCapture, KeyFrame

MARGIN = 32


def make(num_frames: int = 12, num_keys: int = 3, size: tuple[int, int] = (96, 64), kind: str = "video", **changes):
    width, height = size
    frames = torch.full((num_frames, 3, height, width), 120, dtype=torch.uint8)
    times = tuple(index / 3 for index in range(num_frames))
    chosen = EMOTION_LABELS[:num_keys]
    keys = tuple(
        KeyFrame(index, times[index], label, 0.9, ((0.3 * width, 0.2 * height, 0.7 * width, 0.8 * height),), (0,))
        for index, label in enumerate(chosen)
    )
    level = 0.5 if num_keys else 0.0
    timeline = tuple(TimelinePoint(time, dict.fromkeys(EMOTION_LABELS, level)) for time in times)
    analysis = EmotionAnalysis(
        label="happy",
        probabilities=dict(zip(EMOTION_LABELS, (0.01, 0.02, 0.03, 0.84, 0.05, 0.04, 0.01), strict=True)),
        text="The mouth corners rise, so the person is happy.",
        key_frames=keys,
        gate=Gate(0.6, 0.4),
        timeline=timeline,
        language="en",
        question="What does the face show?",
        frame_size=size,
    )
    return replace(analysis, **changes), DecodedMedia(kind, frames, times, None), frames[:num_keys] // 2


def has_color(picture: Image.Image, color: str) -> bool:
    return bool((np.asarray(picture) == np.array(ImageColor.getrgb(color))).all(-1).any())


CASES = {
    **{f"{count} key frames": {"num_keys": count} for count in range(7)},
    "still": {"num_frames": 1, "num_keys": 1, "kind": "image"},
    "still without face": {"num_frames": 1, "num_keys": 0, "kind": "image"},
    "capture off": {"num_keys": 0, "timeline": ()},
    "one pixel": {"num_frames": 1, "num_keys": 0, "size": (1, 1), "kind": "image"},
    "tall": {"size": (20, 900)},
    "wide": {"size": (900, 20)},
    "no gate": {"gate": None},
    "no answer": {"text": ""},
    "long answer": {"text": "The brows lower and the lips press together. " * 60},
    "one long word": {"text": "w" * 900},
    "Chinese": {"language": "zh", "text": "嘴角上扬,所以是高兴。" * 40},
    "no font has it": {"text": "\U0001f600\U000f0000 fine"},
    "own labels": {
        "label": "worried",
        "probabilities": {"worried": 0.7, "a label of an uncommon length that no bar has room for": 0.3},
    },
}


@pytest.mark.parametrize("case", CASES)
def test_nothing_runs_over_the_margins(case):
    picture = draw_evidence(*make(**CASES[case]), name="clip.mp4")
    pixels = np.asarray(picture)
    assert picture.width == 1280 and picture.mode == "RGB"
    margins = [pixels[:MARGIN], pixels[-MARGIN:], pixels[:, :MARGIN], pixels[:, -MARGIN:]]
    assert all((margin == 255).all() for margin in margins)


@pytest.mark.parametrize("name", ["n" * 400, "bytes \udcff.mp4", "高兴.mp4"])
def test_any_file_name(name):
    assert draw_evidence(*make(), name=name).height == draw_evidence(*make(), name="clip.mp4").height


def test_a_longer_answer_makes_a_taller_picture():
    analysis, media, masked = make()
    longer = replace(analysis, text="A sentence that goes on. " * 100)
    assert draw_evidence(longer, media, masked).height > draw_evidence(analysis, media, masked).height


def test_key_frames_are_boxed_in_the_color_of_their_emotion():
    blank = make(num_keys=1, label="neutral", probabilities={"neutral": 1.0}, timeline=(), gate=None)
    assert has_color(draw_evidence(*blank), emotion_color("angry"))
    without = make(num_keys=0, label="neutral", probabilities={"neutral": 1.0}, timeline=(), gate=None)
    assert not has_color(draw_evidence(*without), emotion_color("angry"))


def test_other_faces_of_a_key_frame_are_boxed_in_no_emotions_color():
    blank = {"label": "neutral", "probabilities": {"neutral": 1.0}, "timeline": (), "gate": None}
    analysis, media, masked = make(num_keys=1, **blank)
    (key,) = analysis.key_frames
    left, top, right, bottom = key.boxes[0]
    other = replace(key, boxes=(*key.boxes, (0.0, top, left / 2, bottom)), tracks=(0, 1))
    alone = np.asarray(draw_evidence(analysis, media, masked)).astype(int)
    beside = np.asarray(draw_evidence(replace(analysis, key_frames=(other,)), media, masked)).astype(int)
    changed = beside[(alone != beside).any(-1)]
    assert len(changed) and (changed.max(-1) == changed.min(-1)).all()


def test_few_key_frames_have_their_masked_copies_as_large_beside_them():
    def widest(num_keys: int) -> int:
        analysis, media, masked = make(num_keys=num_keys, size=(64, 64), timeline=(), gate=None)
        shown = np.asarray(draw_evidence(analysis, media, masked + 7))
        return max(region.bbox[3] - region.bbox[1] for region in regionprops(label((shown == 67).all(-1))))

    assert widest(1) > 300 and widest(2) > 250 and widest(3) < 150


def test_landmarks_are_marked_where_they_are_asked_for():
    analysis, media, masked = make(num_keys=1)
    points = ((40, 24), (56, 24), (48, 32), (42, 42), (54, 42))
    face = Face(analysis.key_frames[0].boxes[0], points, 0.9, (1.0, *(0.0,) * 6), 0)
    nobody = ((),) * (len(media.frames) - 1)
    capture = FaceCapture((64, 96), 3.0, media.timestamps, ((face,), *nobody), analysis.key_frames)
    plain, marked = draw_evidence(analysis, media, masked), draw_evidence(analysis, media, masked, landmarks=capture)
    marks = regionprops(label((np.asarray(plain) != np.asarray(marked)).any(-1)))
    assert len(marks) == 5
    # Their places show the points, scaled alike in both directions.
    places = sorted(mark.centroid[::-1] for mark in marks)
    across = np.diff(places, axis=0)
    scale = across[:, 0].sum() / (56 - 40)
    assert np.allclose(across / scale, np.diff(sorted(points), axis=0), atol=0.2)


def test_a_clip_has_curves_and_a_still_has_none():
    clip, still = make(num_keys=1), make(num_frames=1, num_keys=1)
    assert draw_evidence(*clip).height > draw_evidence(*still).height + 200


def test_the_same_analysis_gives_the_same_picture():
    assert draw_evidence(*make()).tobytes() == draw_evidence(*make()).tobytes()


def test_saving_makes_folders_and_leaves_no_scraps(tmp_path):
    path = save_evidence(tmp_path / "new" / "evidence.png", *make())
    assert [file.name for file in path.parent.iterdir()] == ["evidence.png"]
    with Image.open(path) as picture:
        assert picture.format == "PNG"


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_the_umask_says_who_may_see_the_picture(tmp_path, umask):
    before = os.umask(umask)
    try:
        path = save_evidence(tmp_path / "evidence.png", *make())
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask


def test_a_failed_write_leaves_the_old_picture(tmp_path, monkeypatch):
    path = tmp_path / "evidence.png"
    path.write_bytes(b"old")

    def fill_the_disk(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", fill_the_disk)
    with pytest.raises(OutputError, match="No space left"):
        save_evidence(path, *make())
    assert [file.name for file in tmp_path.iterdir()] == ["evidence.png"] and path.read_bytes() == b"old"


def test_chinese_words_fall_back_to_english_without_a_font(monkeypatch):
    monkeypatch.setattr("emotion_qwen.inference.typeface._SYSTEM_FONTS", ())
    english = make(language="zh", text="ok", question="?")
    assert draw_evidence(*english).tobytes() == draw_evidence(*make(text="ok", question="?")).tobytes()
    assert draw_evidence(*make(language="zh", text="高兴" * 9)).height > 0


@pytest.mark.parametrize(
    "text", ["a few words that have to be broken into lines", "x" * 80, "高兴" * 40, "a\n\nb", ""]
)
def test_lines_fit_and_lose_nothing(text):
    typeface = Typeface.for_text(text)
    lines = typeface.wrap(text, 20, 200)
    assert all(typeface.width(line, 20) <= 200 for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_shortened_text_fits():
    typeface = Typeface()
    assert typeface.shorten("short", 20, 200) == "short"
    shortened = typeface.shorten("a name far too long for its place", 20, 120)
    assert shortened.endswith("...") and typeface.width(shortened, 20) <= 120


@pytest.mark.parametrize("positions", [[], [50.0], [10, 11, 12, 13], [97, 98, 99, 100], [0, 0, 100, 100]])
def test_markers_are_moved_apart_and_stay_inside(positions):
    moved = spread(positions, 20, 0, 100)
    assert len(moved) == len(positions)
    assert all(right - left >= 20 - 1e-9 for left, right in zip(moved, moved[1:], strict=False))
    assert all(0 <= position <= 100 for position in moved)
