"""Every reader, on a small folder of the shape in which its data are published."""

import json

import pytest

from emotion_qwen.inference.label_sets import LABEL_SETS
from emotion_qwen.inference.prompts import label_name, label_question
from emotion_qwen.processing import MediaError
from emotion_qwen.train.data.decoding import SampleDecoder
from emotion_qwen.train.data.entries import SampleError, media_parts
from emotion_qwen.train.data.labelled_files import read_folder_per_label
from emotion_qwen.train.data.layouts import guess_reader
from emotion_qwen.train.data.readers import READERS
from emotion_qwen.train.data.sources import build_source

from .conftest import write_clip, write_picture
from .layouts import LAYOUTS


def said(messages) -> list[str]:
    return [message["content"][0]["text"] for message in messages if message["role"] == "assistant"]


def asked(messages) -> str:
    return "".join(part.get("text", "") for part in messages[0]["content"])


@pytest.fixture(params=LAYOUTS)
def layout(request, tmp_path):
    return LAYOUTS[request.param](tmp_path)


def test_there_is_a_layout_for_every_reader(tmp_path):
    made = {make(tmp_path / name).source["reader"] for name, make in LAYOUTS.items()}
    assert made == set(READERS)


def test_what_is_read_is_what_lies_there(layout):
    source = build_source(layout.source, seed=0)
    samples = [source.sample(index, 0)["messages"] for index in range(len(source))]
    assert [said(messages) for messages in samples] == layout.answers
    assert [[part["type"] for part in media_parts(messages)] for messages in samples] == layout.kinds


def test_streaming_reads_the_same(layout):
    labels = sorted({answer for answers in layout.answers for answer in answers})
    own_labels = {"label_set": labels} if layout.source["reader"] in ("csv", "folder_per_label") else {}
    source = build_source(layout.source | own_labels, seed=0, streaming=True)
    samples = [source.sample_of(drawn, index, 0)["messages"] for index, drawn in source.stream()]
    assert [said(messages) for messages in samples] == layout.answers


@pytest.mark.parametrize("name", ["dfew", "emoset"])
def test_questions_and_answers_can_be_chinese(name, tmp_path):
    layout = LAYOUTS[name](tmp_path)
    source = build_source(layout.source | {"languages": ["zh"]}, seed=0)
    messages = source.sample(0, 0)["messages"]
    label_set = LABEL_SETS[name]
    assert asked(messages) == label_question("zh", label_set.labels, label_set.subject)
    assert said(messages) == [label_name(layout.answers[0][0], "zh")]


def test_each_visit_draws_a_language(tmp_path):
    source = build_source(LAYOUTS["dfew"](tmp_path).source | {"languages": ["en", "zh"]}, seed=0)
    visits = [said(source.sample(0, visit)["messages"])[0] for visit in range(12)]
    assert set(visits) == {"happy", "高兴"}
    assert visits == [said(source.sample(0, visit)["messages"])[0] for visit in range(12)]


@pytest.mark.parametrize(("name", "words"), [("meld", "you’re back!"), ("emer", "At last!"), ("own_csv", "Well, so")])
def test_words_that_go_with_a_clip_are_in_the_question(name, words, tmp_path):
    source = build_source(LAYOUTS[name](tmp_path).source, seed=0)
    assert words in asked(source.sample(0, 0)["messages"])


def test_meld_takes_the_clip_of_its_own_split(tmp_path):
    source = build_source(LAYOUTS["meld"](tmp_path).source, seed=0)
    (part,) = media_parts(source.sample(0, 0)["messages"])
    assert "dev_splits_complete" in part["video"]


def test_a_test_of_held_out_actors_has_only_them(tmp_path):
    source = build_source(LAYOUTS["crema_d"](tmp_path).source | {"split": "test"}, seed=0)
    assert [said(source.sample(index, 0)["messages"]) for index in range(len(source))] == [["sad"]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reader": "dfeww"}, "Did you mean 'dfew'"),
        ({"folds": 2}, "Did you mean 'fold'"),
        ({"path": ""}, "needs a path"),
        ({"path": 3}, "needs a path"),
        ({"label_set": 3}, "label_set must be a set's name or a list of labels"),
        ({"weight": "much"}, "weight must be a number above 0"),
        ({"weight": 0}, "weight must be a number above 0"),
        ({"weight": float("inf")}, "weight must be a number above 0"),
        ({"media": "/nowhere"}, "no folder of media at '/nowhere'"),
        ({"label_set": "mafv"}, "Did you mean 'mafw'"),
        ({"languages": ["fr"]}, "languages must be a list of en, zh"),
        ({"fold": 6}, "There is no table .* at .*set_6.csv"),
        ({"split": "val"}, "There is no table .* at"),
        ({"path": "/nowhere"}, "There is no table .* at"),
    ],
)
def test_a_source_that_can_not_be_is_refused(change, message, tmp_path):
    settings = LAYOUTS["dfew"](tmp_path).source | change
    with pytest.raises((ValueError, OSError), match=message):
        len(build_source(settings, seed=0))


@pytest.mark.parametrize("name", ["crema_d", "ravdess"])
def test_data_without_splits_need_actors_to_hold_out(name, tmp_path):
    source = LAYOUTS[name](tmp_path).source
    with pytest.raises(ValueError, match="name the actors"):
        len(build_source(source | {"split": "test", "held_out": []}, seed=0))
    with pytest.raises(ValueError, match="no actor 77"):
        len(build_source(source | {"held_out": [77]}, seed=0))
    with pytest.raises(ValueError, match="held_out must be a list of actors"):
        len(build_source(source | {"held_out": 1091}, seed=0))


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"image": "a.png", "conversations": [{"role": "user", "content": "<image><image>"}]}, "2 <image> for 1"),
        ({"conversations": [{"role": "judge", "content": "x"}]}, "'judge' is nobody"),
        ({"conversations": [{"role": "user", "content": "x"}]}, "assistant says nothing"),
        ({"conversations": []}, "no `conversations`"),
        ({"conversations": [{"role": "user", "content": None}]}, "is no text"),
        ({"conversations": ["x"]}, "turn of its conversation is no JSON object"),
        ({"conversations": [{"role": [], "content": "x"}]}, "is nobody"),
        ({"image": 3, "conversations": [{"role": "user", "content": "x"}]}, "neither a path nor a list of paths"),
        ({"conversations": [{"role": "assistant", "content": "\ud83d"}]}, "half of a character"),
        ("text", "no JSON object"),
    ],
)
def test_a_record_that_is_no_sample_is_told_apart_from_the_others(record, message, tmp_path):
    sound = {"conversations": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
    (tmp_path / "train.json").write_text(json.dumps([record, sound]), encoding="utf-8")
    source = build_source({"reader": "conversations", "path": str(tmp_path / "train.json")}, seed=0)
    with pytest.raises(SampleError, match=message):
        source.sample(0, 0)
    assert said(source.sample(1, 0)["messages"]) == ["b"]


def test_a_label_of_another_set_is_no_sample(tmp_path):
    write_clip(tmp_path / "joyful" / "a.mp4")
    source = build_source({"reader": "folder_per_label", "path": str(tmp_path), "label_set": "basic"}, seed=0)
    with pytest.raises(SampleError, match="'joyful' is no label of basic"):
        source.sample(0, 0)


def test_a_picture_in_a_table_that_is_broken_is_named(processor):
    picture = {"type": "image", "image": {"bytes": b"no picture", "path": "a.png"}}
    with pytest.raises(MediaError, match="'a.png' can't be read"):
        SampleDecoder(processor)({"messages": [{"role": "user", "content": [picture]}]})


def test_streaming_labels_of_ones_own_must_be_stated(tmp_path):
    with pytest.raises(ValueError, match="streaming needs a label_set"):
        build_source(LAYOUTS["own_csv"](tmp_path).source, seed=0, streaming=True)


def test_hidden_folders_are_no_labels(tmp_path):
    for label in ("bored", ".thumbnails"):
        write_picture(tmp_path / label / "a.png")
    assert guess_reader(tmp_path) == "folder_per_label"
    assert [entry["label"] for entry in read_folder_per_label(tmp_path)] == ["bored"]
