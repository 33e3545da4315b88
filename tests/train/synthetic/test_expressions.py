import numpy as np
import pytest

from emotion_qwen.inference.prompts import EMOTION_LABELS
from emotion_qwen.train.synthetic.expressions import (
    ACTION_UNIT_WORDS,
    expression_level,
    sample_expression,
    visible_action_units,
)
from emotion_qwen.train.synthetic.head_model import unit_rows


@pytest.mark.parametrize("label", EMOTION_LABELS)
def test_expressions_use_units_that_the_head_has(label):
    for seed in range(20):
        expression = sample_expression(np.random.default_rng(seed), label)
        assert set(expression.face_units) <= set(unit_rows())
        assert expression.label == label


@pytest.mark.parametrize("label", EMOTION_LABELS)
def test_expressions_are_not_one_template(label):
    drawn = [sample_expression(np.random.default_rng(seed), label).face_units for seed in range(40)]
    assert len({str(units) for units in drawn}) > 10


def test_intensity_scales_every_unit():
    weak, strong = (sample_expression(np.random.default_rng(5), "fear", intensity) for intensity in (0.5, 1.0))
    for name, weight in weak.action_units.items():
        assert strong.action_units[name] == pytest.approx(2 * weight, abs=2e-3)


def test_neutral_has_no_intensity_and_shows_nothing():
    for seed in range(30):
        expression = sample_expression(np.random.default_rng(seed), "neutral")
        assert expression.intensity == 0
        assert visible_action_units(expression.action_units) == []


@pytest.mark.parametrize(
    ("label", "telling"),
    [
        ("happy", {"mouthSmile"}),
        ("sad", {"mouthFrown"}),
        ("surprise", {"eyeWide", "jawOpen"}),
        ("disgust", {"noseSneer"}),
    ],
)
def test_what_tells_an_emotion_is_named(label, telling):
    for seed in range(30):
        seen = visible_action_units(sample_expression(np.random.default_rng(seed), label).action_units)
        assert telling & set(seen)
        assert seen == [name for name in ACTION_UNIT_WORDS if name in seen]


def test_an_unknown_emotion_is_named():
    with pytest.raises(ValueError, match="bored"):
        sample_expression(np.random.default_rng(0), "bored")


def test_an_expression_has_one_apex():
    levels = [expression_level(frame, onset=2, apex=8, offset=20, hold=4) for frame in range(24)]
    assert int(np.argmax(levels)) == 8
    assert levels[8] == 1
    assert levels[:3] == [0, 0, 0]
    assert levels[20:] == [0, 0, 0, 0]
    assert all(a <= b for a, b in zip(levels[:8], levels[1:9], strict=True))
    assert all(a > b for a, b in zip(levels[8:20], levels[9:21], strict=True))
