import pickle

import pytest

from emotion_qwen.inference.label_sets import CHINESE_NAMES, LABEL_SETS, LabelSet, as_label_set, find_label_set
from emotion_qwen.inference.prompts import LANGUAGES, label_name, label_question


@pytest.mark.parametrize("label_set", LABEL_SETS.values(), ids=LABEL_SETS)
def test_every_label_reads_back_and_has_its_own_name_in_each_language(label_set):
    assert [label_set.parse(label.upper()) for label in label_set.labels] == list(label_set.labels)
    assert set(label_set.labels) <= set(CHINESE_NAMES)
    for language in LANGUAGES:
        names = {label_name(label, language) for label in label_set.labels}
        assert len(names) == len(label_set.labels)
        assert all(name in label_question(language, label_set.labels, label_set.subject) for name in names)


@pytest.mark.parametrize(
    ("name", "code", "label"),
    [
        ("dfew", 1, "happy"),
        ("dfew", "7", "fear"),
        ("raf_db", "1", "surprise"),
        ("raf_db", "7", "neutral"),
        ("emoset", 0, "amusement"),
        ("emoset", 7, "sadness"),
        ("ravdess", "02", "calm"),
        ("ravdess", "08", "surprised"),
        ("crema_d", "NEU", "neutral"),
        ("crema_d", "ANG", "anger"),
        ("mer2024", " Worried\n", "worried"),
    ],
)
def test_codes_are_the_publishers(name, code, label):
    assert find_label_set(name).parse(code) == label


@pytest.mark.parametrize("written", ["8", "0", "", "joyful"])
def test_what_is_no_label_is_refused_with_those_that_are(written):
    with pytest.raises(ValueError, match="is no label of dfew; it has happy, sad"):
        find_label_set("dfew").parse(written)


def test_an_unknown_set_names_the_nearest():
    with pytest.raises(ValueError, match="Did you mean 'mer2024'"):
        find_label_set("mer2023")


def test_labels_are_given_as_a_set_by_name_or_one_by_one():
    emoset = LABEL_SETS["emoset"]
    for given in (emoset, "emoset", emoset.labels, list(emoset.labels), " , ".join(emoset.labels)):
        assert as_label_set(given) is emoset
    own = as_label_set("calm, tense")
    assert own.labels == ("calm", "tense") and own.subject == "person"
    assert as_label_set(reversed(emoset.labels)).labels == emoset.labels[::-1]
    for none in ("emosett", "calm,", ["calm", "calm"], ["calm", " "]):
        with pytest.raises(ValueError, match="label set"):
            as_label_set(none)


@pytest.mark.parametrize("labels", [("happy",), ("happy", "happy")])
def test_a_set_has_at_least_two_labels_each_once(labels):
    with pytest.raises(ValueError, match="at least two labels"):
        LabelSet("own", labels)


def test_a_set_travels_to_workers():
    assert pickle.loads(pickle.dumps(find_label_set("dfew"))) == find_label_set("dfew")
