import numpy as np
import pytest
import torch

from emotion_qwen.inference.prompts import EMOTION_LABELS
from emotion_qwen.train.augmentation import Augmentation
from emotion_qwen.train.face_pictures import FacePictures, FaceTargets
from emotion_qwen.train.synthetic.records import read_records


@pytest.fixture
def stills(faces):
    return [r for r in read_records(faces) if r["task"] == "emotion" and r["kind"] == "image"]


def pictures(faces, stills, easing_epochs):
    targets = FaceTargets.of(stills)
    return FacePictures(faces, stills, targets, Augmentation(sides=(40,), mirror=0.0), 0, easing_epochs)


def test_targets_are_standardised_over_the_data(stills):
    targets = FaceTargets.of(stills)
    encoded = torch.stack([targets.encode(record) for record in stills])
    torch.testing.assert_close(encoded.mean(0), torch.zeros(len(targets)), atol=1e-4, rtol=0)
    assert encoded.std(0, unbiased=False).max() < 1


def test_a_picture_comes_with_its_units_and_label(faces, stills):
    pixels, units, label = pictures(faces, stills, 0)[3]
    assert pixels.shape == (3, 40, 40)
    assert pixels.dtype == torch.uint8
    assert units.dtype == torch.float32
    assert EMOTION_LABELS[label] == stills[3]["label"]


def test_held_out_pictures_stay_the_same_and_others_change_with_each_visit(faces, stills):
    fixed, eased = pictures(faces, stills, 0), pictures(faces, stills, 2)
    assert torch.equal(fixed[0][0], fixed[0][0])
    first, second = eased[0][0], eased[0][0]
    assert not torch.equal(first, second)


def test_the_first_visit_keeps_the_light(faces, stills):
    bright = Augmentation(sides=(40,), mirror=0.0, face_height=(0.9, 0.9), brightness=0.9, noise=0.5)
    targets = FaceTargets.of(stills)
    plain = FacePictures(faces, stills, targets, bright, 0, easing_epochs=1)[0][0]
    lit = FacePictures(faces, stills, targets, bright, 0, easing_epochs=0)[0][0]
    noise = [np.abs(np.diff(p.numpy().astype(float), axis=-1)).mean() for p in (plain, lit)]
    assert noise[0] < noise[1]
