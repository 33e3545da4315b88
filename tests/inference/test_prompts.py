import pytest

from emotion_qwen.inference.prompts import (
    EMOTION_LABELS,
    LANGUAGES,
    label_name,
    label_question,
    question_about_words,
    reasoning_question,
)
from emotion_qwen.processing.face_capture import EMOTIONS


def test_the_labels_are_those_of_the_face_networks():
    assert EMOTION_LABELS == EMOTIONS


def test_the_english_label_question_lists_the_labels():
    assert label_question("en") == (
        "Which emotion does the person show? Answer with one word: "
        "angry, disgust, fear, happy, sad, surprise or neutral."
    )


def test_the_chinese_label_question_lists_chinese_names():
    question = label_question("zh")
    assert all(label_name(label, "zh") in question for label in EMOTION_LABELS)
    assert not any(label in question for label in EMOTION_LABELS)


def test_another_label_set_keeps_its_names_and_order():
    assert label_question("en", ["worried", "happy"]).endswith("worried or happy.")
    assert label_question("zh", ["worried", "happy"]).endswith("担忧或高兴。")
    assert label_question("zh", ["puzzled", "happy"]).endswith("puzzled或高兴。")


@pytest.mark.parametrize("language", LANGUAGES)
def test_names_and_questions_differ(language):
    assert len({label_name(label, language) for label in EMOTION_LABELS}) == len(EMOTION_LABELS)
    assert label_question(language) != reasoning_question(language)


@pytest.mark.parametrize("ask", [label_question, reasoning_question, lambda language: label_name("sad", language)])
def test_an_unknown_language_is_refused(ask):
    with pytest.raises(ValueError, match="Unknown language 'fr'"):
        ask("fr")


def test_one_label_makes_no_question():
    with pytest.raises(ValueError, match="at least two"):
        label_question("en", ["happy"])


def test_words_stand_before_the_question():
    assert question_about_words("Which?", "Oh no!", "en") == "The words that go with it: “Oh no!” Which?"
    assert question_about_words("哪个?", "哦,不!", "zh") == "对应的话语:“哦,不!”哪个?"
