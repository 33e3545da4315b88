"""What the calibration is fitted on, and that a fit corrects."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
import torch

from emotion_qwen.processing.face_capture import EMOTIONS
from emotion_qwen.processing.face_detections import Detections

SCRIPT = Path(__file__).parents[2] / "processing" / "weights" / "fit_emotion_calibration.py"
EVENTS = [{"label": "happy", "onset_frame": 2, "apex_frame": 6, "offset_frame": 12}]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fit_emotion_calibration", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_an_expression_is_named_from_halfway_up_to_halfway_down(script):
    shown = [script.shown_emotion(EVENTS, frame) for frame in range(14)]
    assert shown == ["neutral"] * 4 + ["happy"] * 6 + ["neutral"] * 4


def test_faces_of_a_clip_are_those_of_whom_they_overlap_and_who_is_seen(script):
    def person(left: float, events: list, visible: float = 1.0) -> dict:
        boxes = [[left, 0.0, left + 10, 10.0] if visible else None] * 14
        return {"events": events, "face_boxes": boxes, "visible": [visible] * 14}

    record = {"people": [person(0, EVENTS), person(20, []), person(40, EVENTS, 0.4), person(60, EVENTS, 0.0)]}
    boxes = torch.tensor([[1.0, 0, 11, 10], [21.0, 0, 31, 10], [41.0, 0, 51, 10], [80.0, 0, 90, 10], [0.0, 0, 10, 10]])
    faces = Detections(torch.tensor([3, 3, 3, 3, 6]), boxes, torch.ones(5), torch.zeros(5, 5, 2))
    assert script.faces_of_clip(record, faces, step=2) == {0: "happy", 1: "neutral", 4: "neutral"}


def test_a_fit_names_what_the_mean_does_not(script):
    generator = torch.Generator().manual_seed(0)
    emotions = torch.arange(70) % len(EMOTIONS)
    features = torch.randn(70, 384, generator=generator)
    features[torch.arange(70), emotions] += 3
    unsure = torch.full((70, len(EMOTIONS)), 1 / len(EMOTIONS))
    calibrated = script.fit(emotions, unsure, features, decay=0.005)(unsure, features)
    assert float((calibrated.argmax(dim=1) == emotions).float().mean()) > 0.9
    held = script.fit(emotions, unsure, features, decay=1e6)(unsure, features)
    torch.testing.assert_close(held, unsure, atol=1e-3, rtol=0)
