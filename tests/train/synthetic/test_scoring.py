import numpy as np
import pytest

from emotion_qwen.inference.prompts import EMOTION_LABELS, LANGUAGES
from emotion_qwen.train.synthetic.emotion_sentences import emotion_turns
from emotion_qwen.train.synthetic.expressions import sample_expression
from emotion_qwen.train.synthetic.scoring import accuracy_by_group, is_same_answer, score_reasoning

HAPPY = {"kind": "image", "label": "happy", "action_units": {"mouthSmile": 1.0, "cheekSquint": 0.6, "jawOpen": 0.02}}


@pytest.mark.parametrize(
    "answer, is_same", [("a circle", True), (" A  circle. ", True), ("A star.", False), ("", False)]
)
def test_answers_are_compared_without_case_and_punctuation(answer, is_same):
    assert is_same_answer(answer, "A circle.") == is_same


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("label", EMOTION_LABELS)
def test_the_true_answer_is_right(label, language):
    rng = np.random.default_rng(0)
    for _ in range(20):
        record = {"kind": "image", "label": label, "action_units": sample_expression(rng, label).action_units}
        score = score_reasoning(emotion_turns(record, "reasoning", language)[1], record, language)
        assert score.is_right and score.label == label and not score.false_units


@pytest.mark.parametrize(
    "answer",
    [
        "The cheeks are raised and the lip corners are pulled up. The emotion is sad.",
        "The cheeks are raised. The emotion is happy.",
        "The cheeks are raised and the mouth is open. The emotion is happy.",
        "The cheeks are raised and the lip corners are pulled up.",
        "The cheeks are raised and the lip corners are pulled up. The emotion is happy or sad.",
        "happy",
        "",
    ],
)
def test_less_than_the_emotion_and_two_true_units_is_wrong(answer):
    assert not score_reasoning(answer, HAPPY, "en").is_right


def test_what_is_named_beyond_the_truth_is_counted():
    answer = "The cheeks are raised, the mouth is open and the lip corners are pulled up. The emotion is happy."
    score = score_reasoning(answer, HAPPY, "en")
    assert score.is_right
    assert (score.true_units, score.false_units) == (("cheekSquint", "mouthSmile"), ("jawOpen",))


def test_a_face_that_does_nothing_has_to_be_called_relaxed():
    record = {"kind": "image", "label": "neutral", "action_units": {}}
    assert score_reasoning("面部放松。这个人的情绪是中性。", record, "zh").is_right
    assert not score_reasoning("嘴巴张开。这个人的情绪是中性。", record, "zh").is_right


def test_accuracy_by_group():
    people = [
        {"skin_group": "asian", "sex": "female", "age": 18},
        {"skin_group": "asian", "sex": "male", "age": 30},
        {"skin_group": "african", "sex": "male", "age": 80},
    ]
    grouped = accuracy_by_group(people, [True, False, True])
    assert grouped["skin"]["asian"] == {"items": 2, "accuracy": 0.5}
    assert grouped["sex"]["male"] == {"items": 2, "accuracy": 0.5}
    assert {age: group["accuracy"] for age, group in grouped["age"].items()} == {"18-29": 1, "30-44": 0, "60-80": 1}
