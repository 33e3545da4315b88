import pytest
import torch

from emotion_qwen.inference.prompts import EMOTION_LABELS
from emotion_qwen.train.augmentation import Augmentation
from emotion_qwen.train.warm_up_subjects import Drawings, Faces


@pytest.fixture
def subjects(faces):
    return Faces(faces, Augmentation(sides=(40,)), 2, 1.0, seed=0), Drawings(faces, side=40)


def batch(pictures):
    return [torch.as_tensor(part)[None] for part in pictures[0]]


def test_train_and_held_out_pictures_are_of_the_subject_alone(subjects):
    faces, drawings = subjects
    assert {record["task"] for record in faces.train.records + faces.held_out.records} == {"emotion"}
    assert {record["task"] for record in drawings.train.records + drawings.held_out.records} == {"shapes", "words"}
    for subject in subjects:
        assert {record["split"] for record in subject.train.records} == {"train"}
        assert {record["split"] for record in subject.held_out.records} == {"held_out"}


def test_a_perfect_reading_of_a_drawing_has_no_loss_and_one_wrong_fact_spoils_it(subjects):
    _, drawings = subjects
    _, facts = batch(drawings.train)
    chosen = [torch.nn.functional.one_hot(fact, size) for fact, size in zip(facts[0], drawings.sizes, strict=True)]
    read = 100.0 * torch.cat(chosen)[None]
    assert read.shape == (1, drawings.outputs)
    assert drawings.loss(read, facts) < 1e-6
    assert drawings.is_right(read, facts).tolist() == [True]
    wrong = read.clone()
    wrong[0, : drawings.sizes[0]] = read[0, : drawings.sizes[0]].roll(1)
    assert drawings.loss(wrong, facts) > 1
    assert drawings.is_right(wrong, facts).tolist() == [False]


def test_a_face_is_read_rightly_by_its_label_and_its_units_count_in_the_loss(subjects):
    faces, _ = subjects
    _, units, labels = batch(faces.train)
    read = torch.cat([units, 100.0 * torch.nn.functional.one_hot(labels, len(EMOTION_LABELS))], dim=1)
    assert read.shape == (1, faces.outputs)
    assert faces.loss(read, units, labels) < 1e-6
    assert faces.is_right(read, units, labels).tolist() == [True]
    off = read.clone()
    off[:, : faces.units] += 1
    assert faces.loss(off, units, labels) == pytest.approx(1, abs=1e-4)
    assert faces.is_right(off, units, labels).tolist() == [True]
