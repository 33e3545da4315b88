"""When two results of Facial Emotion Capture are the same, on any machine."""

import platform

import pytest
import torch

from emotion_qwen.processing import FaceCapture

IS_STEADY = torch.backends.mkldnn.is_available() and platform.machine().lower() in ("x86_64", "amd64")
"""Whether torch rounds alike for batches of any size, as `FacialEmotionCapture.capture_batch` says of it."""

TOLERANCE = 1e-4
"""Share of their range in which probabilities and boxes may differ elsewhere."""


def assert_same(found: FaceCapture, expected: FaceCapture) -> None:
    """Compares bit for bit where torch allows it, and within the tolerance that is promised elsewhere."""
    if IS_STEADY:
        assert found == expected
        return
    assert (found.frame_size, found.fps, found.timestamps) == (expected.frame_size, expected.fps, expected.timestamps)
    pixels = TOLERANCE * max(found.frame_size)
    for own, other in zip(found.faces, expected.faces, strict=True):
        for face, same in zip(own, other, strict=True):
            assert face.track == same.track
            assert face.box == pytest.approx(same.box, rel=0, abs=pixels)
            assert sum(face.landmarks, ()) == pytest.approx(sum(same.landmarks, ()), rel=0, abs=pixels)
            assert (face.score, *face.probabilities) == pytest.approx(
                (same.score, *same.probabilities), rel=0, abs=TOLERANCE
            )
    for key, same in zip(found.key_frames, expected.key_frames, strict=True):
        assert (key.frame, key.time, key.label, key.tracks) == (same.frame, same.time, same.label, same.tracks)
        assert key.confidence == pytest.approx(same.confidence, rel=0, abs=TOLERANCE)
