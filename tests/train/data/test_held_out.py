"""What held-out data shows, and what it is asked."""

import pytest

from emotion_qwen.train.data.held_out import held_out_items
from emotion_qwen.train.data.sources import build_source

from .conftest import write_picture

HELD_OUT = {"reader": "csv", "path": "test.csv"}


@pytest.fixture
def folder(tmp_path):
    for label in ("keen", "bored"):
        write_picture(tmp_path / label / "a.png")
    return {"reader": "folder_per_label", "path": str(tmp_path)}


def test_labels_that_were_found_or_stated_are_those_of_held_out_files(folder):
    (found,) = held_out_items([HELD_OUT], [build_source(folder, 0)])
    assert found == HELD_OUT | {"label_set": ["bored", "keen"]}
    (stated,) = held_out_items([HELD_OUT], [build_source(folder | {"label_set": "emoset"}, 0)])
    assert stated["label_set"] == "emoset"


@pytest.mark.parametrize("item", [HELD_OUT | {"label_set": "basic"}, {"reader": "dfew", "path": "x"}, "test.csv"])
def test_what_has_labels_of_its_own_or_is_no_source_stays(item, folder):
    assert held_out_items([item], [build_source(folder, 0)]) == [item]


def test_nothing_is_stated_where_training_has_several_label_sets(folder):
    sources = [build_source(folder, 0), build_source(folder | {"label_set": "basic"}, 0)]
    assert held_out_items([HELD_OUT], sources) == [HELD_OUT]
    assert held_out_items([HELD_OUT], []) == [HELD_OUT]


def test_rendered_data_shows_those_who_are_held_out_unless_another_split_is_named():
    item = {"reader": "rendered", "folder": "faces"}
    assert held_out_items([item], []) == [item | {"split": "held_out"}]
    assert held_out_items([item | {"split": "train"}], []) == [item | {"split": "train"}]
