import numpy as np
import pytest

from emotion_qwen.inference.prompts import EMOTION_LABELS, LANGUAGES
from emotion_qwen.train.synthetic.emotion_sentences import apex_moment, emotion_turns, reasoning_answer
from emotion_qwen.train.synthetic.person_sentences import person_turns


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("label", EMOTION_LABELS)
def test_answers_name_the_emotion_last(label, language):
    record = {"label": label, "action_units": {"browDown": 1.0}}
    word = emotion_turns(record, "label", language)[1]
    assert reasoning_answer(label, record["action_units"], language).rstrip(".。").endswith(word)
    assert (word == label) == (language == "en")


def test_reasons_are_the_true_action_units():
    assert reasoning_answer("happy", {"mouthSmile": 1.0, "cheekSquint": 0.5, "jawOpen": 0.05}, "en") == (
        "The cheeks are raised and the lip corners are pulled up. The emotion is happy."
    )
    assert reasoning_answer("neutral", {}, "zh") == "面部放松。这个人的情绪是中性。"


def test_an_unknown_question_is_named():
    with pytest.raises(ValueError, match="poem"):
        emotion_turns({"label": "sad", "action_units": {}}, "poem", "en")


def test_reasons_tell_who_what_when_and_where():
    record = {
        "kind": "video",
        "label": "happy",
        "action_units": {"mouthSmile": 1.0},
        "apex_frame": 9,
        "frames": 12,
        "background": "dark",
        "people": [{}, {}],
    }
    assert emotion_turns(record, "reasoning", "en")[1] == (
        "There are two people. At the end, the lip corners are pulled up. The background is dark. "
        "The emotion is happy."
    )
    assert emotion_turns(record, "reasoning", "zh")[1] == (
        "有两个人。在结尾,嘴角上扬。背景是暗色。这个人的情绪是高兴。"
    )


@pytest.mark.parametrize("frame, moment", [(0, "beginning"), (3, "beginning"), (4, "middle"), (8, "end"), (11, "end")])
def test_the_apex_lies_in_a_third_of_the_clip(frame, moment):
    assert apex_moment({"kind": "video", "label": "sad", "apex_frame": frame, "frames": 12}) == moment


@pytest.mark.parametrize("truth", [{"kind": "image", "label": "sad"}, {"kind": "video", "label": "neutral"}])
def test_where_nothing_happens_there_is_no_moment(truth):
    assert apex_moment(truth | {"apex_frame": 0, "frames": 12}) is None


def test_general_questions_about_a_person_have_true_answers():
    def asked(record, language):
        return {person_turns(record, np.random.default_rng(seed), language) for seed in range(40)}

    assert asked({"background": None}, "en") == {
        ("How many people are there?", "There is one person."),
        ("Is there a person?", "Yes."),
    }
    assert ("What colour is the background?", "Dark.") in asked({"background": "dark"}, "en")
    assert asked({"background": "red", "people": [{}] * 3}, "zh") == {
        ("图中有几个人?", "有三个人。"),
        ("图中有人吗?", "是。"),
        ("背景是什么颜色?", "红色。"),
    }
