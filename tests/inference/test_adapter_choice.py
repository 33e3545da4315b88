"""Which adapter a question calls for."""

import numpy as np
import pytest

from emotion_qwen.inference.adapter_choice import choose_adapter
from emotion_qwen.inference.adapter_purpose import AdapterPurpose
from emotion_qwen.inference.label_sets import LABEL_SETS
from emotion_qwen.inference.prompts import LANGUAGES, label_question, reasoning_question
from emotion_qwen.train.synthetic.drawing_sentences import shape_turns
from emotion_qwen.train.synthetic.shapes import sample_shapes

DATA_SETS = {name: AdapterPurpose(LABEL_SETS[name].labels) for name in ("mer2024", "dfew", "raf_db", "emoset", "mafw")}
ADAPTERS = DATA_SETS | {"ver": AdapterPurpose(), "emer": AdapterPurpose()}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", DATA_SETS)
def test_the_question_of_a_label_set_calls_for_its_adapter(name, language):
    label_set = LABEL_SETS[name]
    question = label_question(language, label_set.labels, label_set.subject)
    assert choose_adapter(question, ADAPTERS) == name


@pytest.mark.parametrize("language", LANGUAGES)
def test_other_questions_about_emotion_call_for_the_first_open_adapter(language):
    assert choose_adapter(reasoning_question(language), ADAPTERS) == "ver"


@pytest.mark.parametrize(
    "question",
    [
        "Why is the man angry?",
        "How does she feel?",
        "How are the two people feeling about the news?",
        "Describe her facial expressions from start to end.",
        "What is the mood of the scene?",
        "Is he happy or sad?",
        "他为什么生气?",
        "描述她的表情变化。",
    ],
)
def test_words_of_emotion(question):
    assert choose_adapter(question, ADAPTERS) == "ver"
    assert choose_adapter(question, DATA_SETS) is None


@pytest.mark.parametrize(
    "question",
    [
        "",
        "How many people are in the picture?",
        "What does the sign “Happy Birthday, sad clown” say in German?",
        "Is the word 'angry' spelled right?",
        "What is the regular expression for a date?",
        "How does the fabric feel?",
        "Is the sea calm, and is the wall a neutral grey?",
        "画面里有几个人?",
        "图中的“高兴”两个字是什么颜色?",
    ],
)
def test_general_questions_call_for_none(question):
    assert choose_adapter(question, ADAPTERS) is None


def test_no_general_question_of_the_synthetic_data_calls_for_one():
    rng = np.random.default_rng(0)
    for _ in range(100):
        _, shapes = sample_shapes(rng, 64)
        drawn = [{"shape": shape.shape, "colour": shape.colour, "place": shape.place} for shape in shapes]
        for language in LANGUAGES:
            question, _ = shape_turns({"shapes": drawn}, rng, language)
            assert choose_adapter(question, ADAPTERS) is None


def test_a_set_with_one_label_more_is_another_set():
    labels = (*LABEL_SETS["dfew"].labels, "contempt")
    assert choose_adapter(label_question("en", labels), DATA_SETS) is None
    assert choose_adapter(label_question("en", labels), {"own": AdapterPurpose(labels)}) == "own"


def test_labels_of_ones_own():
    own = {"calm_or_tense": AdapterPurpose(("calm", "tense"))}
    assert choose_adapter(label_question("en", ("calm", "tense")), own) == "calm_or_tense"
    assert choose_adapter("Is the sea calm?", own) is None


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("media", "name"), [("video", "clips"), ("image", "portraits"), (None, "any")])
def test_pictures_and_clips_may_have_adapters_of_their_own(media, name, language):
    labels = LABEL_SETS["basic"].labels
    own = {
        "any": AdapterPurpose(labels, True),
        "clips": AdapterPurpose(labels, True, "video"),
        "portraits": AdapterPurpose(labels, True, "image"),
    }
    for question in (label_question(language), reasoning_question(language)):
        assert choose_adapter(question, own, media) == name
        assert choose_adapter(question, {"clips": own["clips"]}, "image") is None
    assert choose_adapter("How many people are there?", own, media) is None


def test_an_adapter_for_labels_alone_is_not_asked_openly():
    labels_only = {"clips": AdapterPurpose(LABEL_SETS["basic"].labels, False, "video")}
    assert choose_adapter(reasoning_question(), labels_only, "video") is None


@pytest.mark.parametrize("stated", [{"media": "text"}, {"open_questions": False}])
def test_a_purpose_that_is_none_is_refused(stated):
    with pytest.raises(ValueError, match="An adapter"):
        AdapterPurpose(**stated)


def test_nothing_to_choose_from():
    assert choose_adapter(reasoning_question(), {}) is None
