import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from emotion_qwen.processing.facial_emotion_capture import FacialEmotionCapture

from .face_clips import noise, three_expressions


def crowd(rows: int, columns: int, side: int) -> Tensor:
    """One frame of a grid of rendered heads, each in a square of `side` pixels."""
    heads = F.interpolate(three_expressions()[[2, 8, 14]], size=(side, side), mode="bilinear", antialias=True)
    picked = heads[torch.arange(rows * columns) % 3].unflatten(0, (rows, columns))
    return picked.permute(2, 0, 3, 1, 4).reshape(1, 3, rows * side, columns * side)


def found(frames: Tensor, **settings: float) -> int:
    return len(FacialEmotionCapture(**settings).capture(frames).faces[0])


def test_fifty_small_faces_are_found_by_the_second_look_only():
    frame = crowd(5, 10, 72)
    assert found(frame) == 50
    assert found(frame, group_detection_size=224) == 0


def test_weak_traces_of_small_faces_are_reason_enough():
    frame = crowd(3, 6, 72)
    assert found(frame) == 18
    assert found(frame, small_face_height=0) == found(frame, group_detection_size=224) < 18


def test_large_faces_are_looked_at_once(monkeypatch):
    sizes = []
    from emotion_qwen.processing.embedded_face_detector import EmbeddedFaceDetector

    detect = EmbeddedFaceDetector.detect_clips
    monkeypatch.setattr(
        EmbeddedFaceDetector,
        "detect_clips",
        lambda self, clips: sizes.append((self.settings.detection_size, len(clips))) or detect(self, clips),
    )
    fec = FacialEmotionCapture()
    fec.capture_batch([crowd(1, 2, 224), crowd(5, 10, 72), noise(1, 3, 480, 480)])
    # All at once, then the middle frames of the two in which nothing is found, then the one that shows faces there.
    assert sizes == [(224, 3), (448, 1), (448, 1), (448, 1)]


def test_a_batch_gives_each_clip_its_own_faces():
    clips = [crowd(5, 10, 72), three_expressions()[:2], crowd(3, 6, 80)]
    fec = FacialEmotionCapture()
    assert fec.capture_batch(clips) == [fec.capture(clip) for clip in clips]


def test_everybody_keeps_a_track_and_all_stay_in_the_key_frames():
    capture = FacialEmotionCapture().capture(crowd(5, 10, 72).expand(3, -1, -1, -1))
    assert all(frames == (0, 1, 2) for frames in capture.tracks.values())
    assert len(capture.tracks) == len(capture.faces[0])
    assert all(len(key.tracks) == len(capture.tracks) for key in capture.key_frames)


@pytest.mark.parametrize("shape", [(0, 3, 600, 600), (2, 3, 600, 3), (1, 3, 225, 225)])
def test_frames_without_faces_have_none_at_either_scale(shape):
    assert not FacialEmotionCapture().capture(noise(*shape)).has_faces
