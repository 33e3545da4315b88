"""What held-out data of one's own is asked."""

import pytest

from emotion_qwen.train.data.held_out import asked_as_in_training
from emotion_qwen.train.data.sources import build_source

from .conftest import write_picture

HELD_OUT = {"reader": "csv", "path": "test.csv"}


@pytest.fixture
def folder(tmp_path):
    for label in ("keen", "bored"):
        write_picture(tmp_path / label / "a.png")
    return {"reader": "folder_per_label", "path": str(tmp_path)}


def test_labels_that_were_found_or_stated_are_those_of_held_out_files(folder):
    (found,) = asked_as_in_training([HELD_OUT], [build_source(folder, 0)])
    assert found == HELD_OUT | {"label_set": ["bored", "keen"]}
    (stated,) = asked_as_in_training([HELD_OUT], [build_source(folder | {"label_set": "emoset"}, 0)])
    assert stated["label_set"] == "emoset"


@pytest.mark.parametrize("item", [HELD_OUT | {"label_set": "basic"}, {"reader": "dfew", "path": "x"}, "test.csv"])
def test_what_has_labels_of_its_own_or_is_no_source_stays(item, folder):
    assert asked_as_in_training([item], [build_source(folder, 0)]) == [item]


def test_nothing_is_stated_where_training_has_several_label_sets(folder):
    sources = [build_source(folder, 0), build_source(folder | {"label_set": "basic"}, 0)]
    assert asked_as_in_training([HELD_OUT], sources) == [HELD_OUT]
    assert asked_as_in_training([HELD_OUT], []) == [HELD_OUT]
