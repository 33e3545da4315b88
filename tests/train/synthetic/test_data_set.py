import json

import numpy as np
import pytest
from PIL import Image

from emotion_qwen.inference.prompts import EMOTION_LABELS
from emotion_qwen.train.synthetic.data_set import DataSetPlan, main, write_data_set
from emotion_qwen.train.synthetic.records import HELD_OUT_FROM, read_records
from emotion_qwen.train.synthetic.sentences import ask, chat

PLAN = DataSetPlan(
    identities=2,
    held_out_identities=1,
    stills_per_label=1,
    clips_per_identity=1,
    shapes=10,
    words=10,
    moving=10,
    size=48,
    clip_frames=(6, 6),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_data_set(folder, PLAN)
    return folder


def test_every_record_is_complete_and_its_media_exist(folder):
    records = read_records(folder)
    assert len(records) == 3 * (7 + 1) + 3 * 11
    assert len({record["id"] for record in records}) == len(records)
    for record in records:
        assert (folder / record["media"]).stat().st_size > 200
        if record["task"] != "emotion":
            continue
        assert record["label"] in EMOTION_LABELS
        assert {"intensity", "action_units", "apex_frame", "identity", "sex", "age", "skin_group"} <= set(record)
        x0, y0, x1, y1 = record["face_box"]
        assert 0 <= x0 < x1 <= 48
        assert 0 <= y0 < y1 <= 48
        if record["kind"] == "video":
            assert record["apex_frame"] == record["events"][0]["apex_frame"] < record["frames"] == 6
            assert record["apex_time"] == pytest.approx(record["apex_frame"] / record["fps"], abs=1e-3)
            assert len(record["face_boxes"]) == 6


def test_train_and_held_out_people_never_meet(folder):
    people = {split: set() for split in ("train", "held_out")}
    for record in read_records(folder):
        if record["task"] == "emotion":
            people[record["split"]].add(record["identity"])
    assert people["train"] == {0, 1}
    assert people["held_out"] == {HELD_OUT_FROM}


def test_every_emotion_of_every_person_is_there_equally_often(folder):
    stills = [record for record in read_records(folder) if record.get("label") and record["kind"] == "image"]
    counts = {(record["identity"], record["label"]) for record in stills}
    assert len(counts) == len(stills) == 3 * len(EMOTION_LABELS)


def test_the_same_plan_writes_the_same_bytes_with_more_workers(folder, tmp_path):
    write_data_set(tmp_path, PLAN, workers=2)
    for path in sorted(folder.rglob("*.*")):
        assert path.read_bytes() == (tmp_path / path.relative_to(folder)).read_bytes(), path.name


def test_another_seed_makes_other_pictures(folder, tmp_path):
    write_data_set(tmp_path, DataSetPlan(identities=1, held_out_identities=0, stills_per_label=1, size=48, seed=1))
    name = "media/0000000-happy-0.jpg"
    assert (tmp_path / name).read_bytes() != (folder / name).read_bytes()


def test_pictures_have_the_asked_size(folder):
    with Image.open(folder / "media/0000000-happy-0.jpg") as picture:
        assert picture.size == (48, 48)
        assert picture.mode == "RGB"


def test_command_line(tmp_path, capsys):
    main(
        [
            "--output",
            str(tmp_path),
            *["--identities", "0", "--held-out-identities", "0", "--shapes", "2", "--size", "32"],
        ]
    )
    assert len(read_records(tmp_path)) == 2
    assert "2 records" in capsys.readouterr().err


def test_the_command_line_refuses_in_one_sentence(tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["--output", str(tmp_path), "--size", "33"])
    assert "must be even" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": 47},
        {"first_identity": HELD_OUT_FROM},
        {"clip_frames": (3, 9)},
        {"clip_frames": (9, 8)},
        {"clip_frames": (9, 9)},
    ],
)
def test_an_impossible_plan_is_refused(wrong):
    with pytest.raises(ValueError):
        DataSetPlan(**wrong)


def test_questions_follow_the_media_and_each_has_an_answer(folder):
    rng = np.random.default_rng(0)
    for record in read_records(folder):
        turns = ask(record, rng, questions=3)
        assert 1 <= len(turns) == len({question for question, _ in turns}) <= 3
        messages = chat(record, *turns)
        assert [message["role"] for message in messages] == ["user", "assistant"] * len(turns)
        assert messages[0]["content"].pop(0) == {"type": record["kind"], record["kind"]: record["media"]}
        said = [message["content"][0]["text"] for message in messages]
        assert list(zip(said[::2], said[1::2], strict=True)) == turns
        assert all(question.strip().endswith(("?", "?", "。", ".")) and answer for question, answer in turns)
        json.dumps(messages)
