"""The networks, their weights file, and the two halves of the embedded backend."""

import os
import threading
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from emotion_qwen.processing.emotion_networks import FaceApiExpressionNet, MiniXception, pad_same
from emotion_qwen.processing.face_backends import (
    default_weights_path,
    embedded_backend,
    find_backend,
    load_face_networks,
)
from emotion_qwen.processing.face_capture import EMOTIONS
from emotion_qwen.processing.face_crops import resize, square_crop
from emotion_qwen.processing.face_detections import Detections
from emotion_qwen.processing.facial_emotion_capture_settings import FacialEmotionCaptureSettings
from emotion_qwen.processing.retinaface import RetinaFace, anchors, decode_boxes, decode_landmarks
from emotion_qwen.processing.steady_convolution import SteadyConv2d

from .face_clips import noise, three_expressions
from .same_captures import IS_STEADY

CPU = torch.device("cpu")


def test_weights_are_small_half_precision_and_carry_their_licences():
    weights = default_weights_path()
    assert weights.stat().st_size < 1_700_000
    tensors = load_file(weights)
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float16}
    assert all(tensor.isfinite().all() for tensor in tensors.values())
    notice = (weights.parent / "NOTICE").read_text()
    licences = sorted(path.name for path in weights.parent.glob("LICENSE.*"))
    assert len(licences) == 4
    assert all(licence in notice for licence in licences)


@pytest.mark.parametrize(
    "network, prefix", [(RetinaFace, "detector"), (MiniXception, "mini_xception"), (FaceApiExpressionNet, "face_api")]
)
def test_weights_fit_each_network_exactly(network, prefix):
    tensors = load_file(default_weights_path())
    own = {name.removeprefix(f"{prefix}."): t.float() for name, t in tensors.items() if name.startswith(f"{prefix}.")}
    network().load_state_dict(own, strict=True)


def test_networks_are_loaded_once_per_file_and_device(tmp_path):
    weights = default_weights_path()
    loaded = []
    threads = [threading.Thread(target=lambda: loaded.append(load_face_networks(weights, CPU))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(networks is loaded[0] for networks in loaded)
    assert load_face_networks(Path(os.path.relpath(weights)), CPU) is loaded[0]
    copy = tmp_path / "face_networks.safetensors"
    copy.write_bytes(weights.read_bytes())
    assert load_face_networks(copy, CPU) is not loaded[0]
    assert not any(parameter.requires_grad for parameter in loaded[0].parameters())


def test_networks_stay_float32_when_loaded_under_another_default(tmp_path):
    copy = tmp_path / "face_networks.safetensors"
    copy.write_bytes(default_weights_path().read_bytes())
    torch.set_default_dtype(torch.bfloat16)
    try:
        networks = load_face_networks(copy, CPU)
    finally:
        torch.set_default_dtype(torch.float32)
    reference = load_face_networks(default_weights_path(), CPU)
    for own, expected in zip(networks.parameters(), reference.parameters(), strict=True):
        assert torch.equal(own, expected)


def test_anchors_are_centered_on_their_cells():
    boxes = anchors(64, 96, CPU)
    assert boxes.shape == (2 * (8 * 12 + 4 * 6 + 2 * 3), 4)
    assert boxes[0].tolist() == [4, 4, 16, 16]
    assert boxes[1].tolist() == [4, 4, 32, 32]
    assert boxes[2].tolist() == [12, 4, 16, 16]
    assert boxes[-1].tolist() == [80, 48, 512, 512]


def test_zero_offsets_decode_to_the_anchor():
    anchor = torch.tensor([[50.0, 40.0, 20.0, 10.0]])
    assert decode_boxes(torch.zeros(1, 4), anchor).tolist() == [[40, 35, 60, 45]]
    assert decode_landmarks(torch.zeros(1, 10), anchor).tolist() == [[[50, 40]] * 5]
    moved = decode_boxes(torch.tensor([[1.0, -1.0, 0.0, 0.0]]), anchor)
    assert moved.tolist() == [[42, 34, 62, 44]]


def test_same_padding_puts_the_odd_pixel_last():
    assert pad_same(torch.ones(1, 1, 4, 5), 3, 2)[0, 0].tolist() == [
        [0, 1, 1, 1, 1, 1, 0],
        [0, 1, 1, 1, 1, 1, 0],
        [0, 1, 1, 1, 1, 1, 0],
        [0, 1, 1, 1, 1, 1, 0],
        [0, 0, 0, 0, 0, 0, 0],
    ]


@pytest.mark.parametrize("network, channels", [(MiniXception, 1), (FaceApiExpressionNet, 3)])
def test_classifiers_give_probabilities_of_the_seven_emotions(network, channels):
    assert sorted(network.labels) == sorted(EMOTIONS)
    size = network.input_size
    probabilities = network().eval()(torch.rand(2, channels, size, size))
    assert probabilities.shape == (2, 7)
    torch.testing.assert_close(probabilities.sum(dim=1), torch.ones(2))


def test_square_crop_is_black_beyond_the_frame():
    frame = torch.full((3, 10, 20), 200, dtype=torch.uint8)
    crop = square_crop(frame, [-5.0, 0.0, 5.0, 10.0], scale=1.0, size=10)
    assert crop.shape == (1, 3, 10, 10) and crop.dtype == torch.uint8
    assert torch.all(crop[..., :5] == 0) and torch.all(crop[..., 5:] == 200)


def test_square_crop_keeps_the_aspect_ratio():
    frame = noise(3, 40, 40)
    crop = square_crop(frame, [10.0, 5.0, 20.0, 25.0], scale=1.0, size=20)
    assert torch.equal(crop[0], frame[:, 5:25, 5:25])


def test_uint8_resize_is_close_to_the_float_one():
    frames = noise(2, 3, 50, 70)
    assert (resize(frames, 25, 31).float() - resize(frames.float(), 25, 31)).abs().max() <= 1


def test_overlapping_boxes_of_one_face_become_one():
    clip = three_expressions()[:1]
    strict = embedded_backend(FacialEmotionCaptureSettings(), None, CPU).detector.detect(clip)
    loose = embedded_backend(FacialEmotionCaptureSettings(detection_overlap=1.0), None, CPU).detector.detect(clip)
    assert len(strict) == 1 < len(loose)
    assert loose.scores.tolist() == sorted(loose.scores.tolist(), reverse=True)


def test_classifier_takes_any_number_of_faces():
    clip = three_expressions()[:3]
    backend = embedded_backend(FacialEmotionCaptureSettings(classification_batch_size=2), None, CPU)
    found = backend.detector.detect(clip)
    assert backend.classifier.classify(clip, found).shape == (3, 7)
    assert backend.classifier.classify(clip, Detections.cat([])).shape == (0, 7)


def test_backend_is_found_by_name():
    assert find_backend("embedded") is embedded_backend
    with pytest.raises(ValueError, match="known are .*embedded"):
        find_backend("Embedded")


@pytest.mark.parametrize("kernel_size, groups", [(1, 1), (3, 1), (3, 8)])
def test_convolution_of_an_image_does_not_depend_on_its_neighbours(kernel_size, groups):
    steady = SteadyConv2d(8, 8, kernel_size, padding=kernel_size // 2, groups=groups).requires_grad_(False)
    images = torch.rand(20, 8, 14, 14, generator=torch.Generator().manual_seed(0))
    images = images.contiguous(memory_format=torch.channels_last)
    together = steady(images)
    tolerance = 0 if IS_STEADY else 1e-5
    for index in (0, 7, 19):
        alone = steady(images[index : index + 1])[0]
        torch.testing.assert_close(alone, together[index], rtol=0, atol=tolerance)
    torch.testing.assert_close(together, torch.nn.Conv2d.forward(steady, images))
