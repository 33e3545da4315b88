"""What a checkpoint's JSON and the networks beside it mean for Facial Emotion Capture, whatever release wrote them."""

import json
import logging
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file
from transformers import AutoVideoProcessor

from emotion_qwen.processing import EmotionQwenImageProcessor, EmotionQwenVideoProcessor, FacialEmotionCapture
from emotion_qwen.processing.face_backends import WEIGHTS_NAME, default_weights_path

from .face_clips import three_expressions


@pytest.fixture(params=[EmotionQwenVideoProcessor, EmotionQwenImageProcessor])
def kind(request):
    return request.param


def stored(kind: type, folder: Path, **changes) -> Path:
    """Saves a processor whose JSON is then changed by hand."""
    (written,) = kind(fec_config={"crop_scale": 1.3}).save_pretrained(folder)
    path = Path(written)
    settings = json.loads(path.read_text())
    settings["fec_config"] |= changes
    path.write_text(json.dumps(settings))
    return folder


def test_what_is_asked_for_is_put_over_the_checkpoints_settings(kind, tmp_path):
    loaded = kind.from_pretrained(stored(kind, tmp_path), fec_config={"max_key_frames": 2})
    assert (loaded.fec_config["crop_scale"], loaded.fec_config["max_key_frames"]) == (1.3, 2)
    assert kind.from_pretrained(tmp_path).fec_config["crop_scale"] == 1.3


def test_settings_of_another_release_are_left_out_and_named(kind, tmp_path, caplog):
    folder = stored(kind, tmp_path, iou_threshold=0.3)
    logging.getLogger("transformers").addHandler(caplog.handler)
    try:
        loaded = kind.from_pretrained(folder)
    finally:
        logging.getLogger("transformers").removeHandler(caplog.handler)
    assert "iou_threshold" not in loaded.fec_config
    assert loaded.fec_config["crop_scale"] == 1.3
    assert any("iou_threshold" in message and str(folder) in message for message in caplog.messages)
    with pytest.raises(ValueError, match="iou_threshold"):
        kind.from_pretrained(folder, fec_config={"iou_threshold": 0.3})


def test_values_that_this_release_refuses_are_told_with_the_checkpoints_name(kind, tmp_path):
    folder = stored(kind, tmp_path, backend="of tomorrow")
    with pytest.raises(ValueError, match=f"{folder}.*of tomorrow"):
        kind.from_pretrained(folder)
    assert kind.from_pretrained(folder, fec_config={"backend": "embedded"}).fec_config["crop_scale"] == 1.3


def test_networks_without_a_calibration_give_the_plain_mean(tmp_path):
    EmotionQwenVideoProcessor().save_pretrained(tmp_path)
    tensors = load_file(default_weights_path())
    plain = {name: tensor for name, tensor in tensors.items() if not name.startswith("calibration.")}
    save_file(plain, tmp_path / WEIGHTS_NAME)
    clip = three_expressions()[:2]
    found = AutoVideoProcessor.from_pretrained(tmp_path).capture_faces(clip)
    assert found == FacialEmotionCapture(emotion_calibration=0.0).capture(clip)
    assert found != FacialEmotionCapture().capture(clip)
