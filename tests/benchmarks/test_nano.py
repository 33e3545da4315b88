import json
import shutil
import sys
from importlib import resources

import nano
import pytest
from nano_scores import leaves_language

from emotion_qwen.inference.checkpoint import load_checkpoint
from emotion_qwen.measurements import read_measurements
from emotion_qwen.train.synthetic.data_set import DataSetPlan, write_data_set


def test_the_last_step_of_make_nano_measures_every_kind_of_held_out_media(tmp_path, monkeypatch, capsys):
    shapes = {"shapes": 10, "words": 10, "moving": 10}
    plan = DataSetPlan(
        identities=0,
        held_out_identities=1,
        stills_per_label=1,
        clips_per_identity=1,
        size=80,
        clip_frames=(4, 4),
        **shapes,
    )
    write_data_set(tmp_path / "faces", plan)
    model = shutil.copytree(resources.files("emotion_qwen") / "nano", tmp_path / "model")
    words = [tmp_path / "faces", "--model", model, "--output", tmp_path / "out", "--most", 2]
    monkeypatch.setattr(sys, "argv", ["nano.py", *map(str, words)])
    nano.main()
    measured = json.loads((tmp_path / "out" / "nano.json").read_text())
    assert [(labels["language"], labels["items"], labels["people"]) for labels in measured["results"]] == [
        ("en", 8, 1),
        ("zh", 8, 1),
    ]
    assert all(0 <= labels["accuracy"] <= 1 for labels in measured["results"])
    assert [reasons["items"] for reasons in measured["reasoning"]] == [2, 2]
    chosen = [(labels["adapter"], labels["language"]) for labels in measured["adapters"]]
    assert chosen == [("clips", "en"), ("clips", "zh")]  # of adapters for either kind, the first
    assert [tuned["asked_for_reasons"] for tuned in measured["adapters"]] == [2, 2]
    subjects = [("people", "image"), ("people", "video"), ("shapes", "image"), ("words", "image"), ("moving", "video")]
    assert [(scores["about"], scores["kind"]) for scores in measured["general"]] == subjects * 2
    assert all(0 <= scores["other_language"] <= 1 - scores["right"] for scores in measured["general"])
    assert [(gate["about"], gate["kind"]) for gate in measured["gate"]] == subjects
    assert all(0 < gate["emotion"] < 1 for gate in measured["gate"])
    assert read_measurements(load_checkpoint(model, device="cpu")[0]).items() >= measured.items()
    assert (tmp_path / "out" / "nano.md").read_text() in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "truth", "leaves"),
    [
        ("There are two,眉毛内侧抬起。", "There is one person.", True),
        ("There are two.", "There is one person.", False),
        ("It says THREE.", "图中写着THREE。", False),
        ("There is one person.", "图中有一个人。", True),
        ("", "图中有一个人。", False),
    ],
)
def test_an_answer_that_leaves_its_language_is_seen(answer, truth, leaves):
    assert leaves_language(answer, truth) is leaves
