import json

import pytest

from emotion_qwen.processing.facial_emotion_capture_settings import FacialEmotionCaptureSettings


def test_round_trip_through_json():
    settings = FacialEmotionCaptureSettings(detection_size=320, mask_fade=0.5, neutral_weight=1)
    stored = json.loads(json.dumps(settings.to_dict()))
    assert FacialEmotionCaptureSettings.from_dict(stored) == settings


def test_what_is_not_named_keeps_its_default():
    assert FacialEmotionCaptureSettings.from_dict({}) == FacialEmotionCaptureSettings()


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="'fade', 'topk'; known are detection_size"):
        FacialEmotionCaptureSettings.from_dict({"topk": 3, "fade": 1})


@pytest.mark.parametrize(
    "name, value",
    [
        ("detection_size", 31),
        ("detection_size", 224.0),
        ("detection_size", True),
        ("detection_threshold", 1.01),
        ("detection_threshold", "0.7"),
        ("detection_overlap", -0.1),
        ("detection_batch_size", 0),
        ("min_face_height", float("nan")),
        ("crop_scale", 0.0),
        ("classification_batch_size", 0),
        ("emotion_calibration", 1.5),
        ("group_detection_size", 5000),
        ("small_face_height", 2.5),
        ("small_face_score", -0.1),
        ("scene_cut_threshold", -0.1),
        ("track_similarity", 2),
        ("track_reidentification", 1.1),
        ("track_max_gap", 0),
        ("smoothing_window", 2),
        ("smoothing_window", 0),
        ("max_key_frames", 0),
        ("key_frame_threshold", None),
        ("key_frame_min_gap", 0),
        ("key_frame_base", 1.1),
        ("neutral_weight", 1.5),
        ("mask_margin", -0.1),
        ("mask_fade", 1.1),
    ],
)
def test_values_out_of_range_are_named(name, value):
    with pytest.raises(ValueError, match=f"^{name} must be"):
        FacialEmotionCaptureSettings(**{name: value})
