"""The card of an exported model holds the figures that were measured of its weights, and no others."""

import json
import re
from importlib import resources
from pathlib import Path

import pytest
import torch
import yaml

from emotion_qwen import EmotionQwenForConditionalGeneration, export_to_hub
from emotion_qwen.measurements import MEASUREMENTS_FILE, read_measurements, write_measurements
from emotion_qwen.model_card import write_card
from emotion_qwen.processing import EmotionQwenProcessor

from .tiny_checkpoint import tiny_model, tiny_processor

MEASURED = {
    "date": "2031-05-17",
    "command": "python benchmarks/nano.py somewhere",
    "results": [
        {
            "data": "faces",
            "language": "zh",
            "people": 9871,
            "items": 8763,
            "accuracy": 0.2345,
            "confusion": {"happy": {}, "sad": {}, "angry": {}},
        }
    ],
    "portrait": {"label": "sad", "probabilities": {"sad": 0.6789}, "text": "The brows are up."},
}
GROUPS = {"sex": {"female": {"items": 4411, "accuracy": 0.3217}, "male": {"items": 4352, "accuracy": 0.1468}}}


@pytest.fixture(scope="module")
def processor() -> EmotionQwenProcessor:
    return tiny_processor()


@pytest.fixture
def checkpoint(processor, tmp_path) -> Path:
    folder = tmp_path / "checkpoint"
    tiny_model(processor).save_pretrained(folder)
    return folder


def load(folder: Path, **settings) -> EmotionQwenForConditionalGeneration:
    return EmotionQwenForConditionalGeneration.from_pretrained(folder, **settings)


def export(model, processor, folder: Path, **settings) -> str:
    return (export_to_hub(model, processor, folder, **settings) / "README.md").read_text(encoding="utf-8")


def percentages(card: str) -> list[str]:
    return re.findall(r"[\d.]+ %", card)


def test_every_figure_comes_from_the_file_beside_the_weights(processor, checkpoint, tmp_path):
    model = load(checkpoint)
    write_measurements(checkpoint, model, MEASURED)
    card = export(load(checkpoint), processor, tmp_path / "export")
    assert percentages(card) == ["33.3 %", "23.4 %"]  # chance among three labels, and the accuracy
    assert "| faces | zh | 9871 | 8763 | 23.4 % |" in card
    for shown in ("2031-05-17", "$ python benchmarks/nano.py somewhere", "sad (probability 0.68)", "brows are up"):
        assert shown in re.sub(r"\s+", " ", card)
    assert f"{model.num_parameters():,} parameters" in card
    travelled = json.loads((tmp_path / "export" / MEASUREMENTS_FILE).read_text(encoding="utf-8"))
    assert MEASURED.items() <= travelled.items()
    assert export(load(tmp_path / "export"), processor, tmp_path / "again") == card


@pytest.mark.parametrize("content", ["[1]", "{}", "no JSON"])
def test_a_file_of_that_name_that_somebody_else_wrote_says_nothing(content, checkpoint):
    (checkpoint / MEASUREMENTS_FILE).write_text(content)
    assert read_measurements(load(checkpoint)) is None


def test_shipped_model_carries_its_figures():
    folder = resources.files("emotion_qwen") / "nano"
    measured = json.loads((folder / MEASUREMENTS_FILE).read_text(encoding="utf-8"))
    model = load(Path(str(folder)))
    assert read_measurements(model) == measured
    shown = percentages(write_card(model, measured))
    assert {f"{100 * result['accuracy']:.1f} %" for result in measured["results"]} <= set(shown)


@pytest.mark.parametrize("change", ["none measured", "trained further", "cast"])
def test_other_weights_are_said_not_to_be_measured(change, processor, checkpoint, tmp_path):
    if change != "none measured":
        write_measurements(checkpoint, load(checkpoint), MEASURED)
    model = load(checkpoint, dtype=torch.bfloat16 if change == "cast" else torch.float32)
    if change == "trained further":
        with torch.no_grad():
            model.lm_head.weight[0, 0] += 1
    card = export(model, processor, tmp_path / "export")
    assert "**Not measured.**" in card and "who publishes this folder states it" in card
    assert not percentages(card) and "make nano" not in card and "license: other" in card
    assert not (tmp_path / "export" / MEASUREMENTS_FILE).exists()


def test_measured_export_is_replaced_by_one_that_was_not(processor, checkpoint, tmp_path):
    write_measurements(checkpoint, load(checkpoint), MEASURED)
    export(load(checkpoint), processor, tmp_path / "export")
    card = export(tiny_model(processor), processor, tmp_path / "export", overwrite=True)
    assert "**Not measured.**" in card and not (tmp_path / "export" / MEASUREMENTS_FILE).exists()


def test_accuracy_by_group_and_training_time_are_shown_where_they_are_known(processor):
    model = tiny_model(processor)
    bare = write_card(model, MEASURED)
    assert "skin tone, sex and age was not measured" in bare and "was not recorded" in bare
    known = MEASURED | {
        "results": [MEASURED["results"][0] | {"groups": GROUPS}],
        "training": "77 minutes on 2 CPU cores",
    }
    card = write_card(model, known)
    assert "| faces | zh | sex: female | 4411 | 32.2 % |" in card and "| sex: male | 4352 | 14.7 % |" in card
    assert "77 minutes on 2 CPU cores" in card
    assert "was not measured" not in card and "was not recorded" not in card


def test_a_group_of_few_items_gets_a_count_and_no_percentage(processor):
    members = {
        "18-29": {"items": 1, "accuracy": 0.0},
        "30-44": {"items": 19, "accuracy": 13 / 19},
        "45-59": {"items": 20, "accuracy": 0.65},
        "60-80": {"items": 2, "accuracy": 1.0},
    }
    grouped = MEASURED | {"results": [MEASURED["results"][0] | {"groups": {"age": members}}]}
    card = write_card(tiny_model(processor), grouped)
    rows = re.findall(r"age: (\S+) \| (\d+) \| (.+) \|", card)
    assert rows == [
        ("18-29", "1", "0 of 1"),
        ("30-44", "19", "13 of 19"),
        ("45-59", "20", "65.0 %"),
        ("60-80", "2", "2 of 2"),
    ]


def test_groups_by_skin_are_called_what_they_are(processor):
    groups = {"skin": {"asian": {"items": 336, "accuracy": 0.9}}}
    card = write_card(tiny_model(processor), MEASURED | {"results": [MEASURED["results"][0] | {"groups": groups}]})
    assert "| ancestry setting: asian | 336 | 90.0 % |" in card and "skin: " not in card


@pytest.mark.parametrize("adapters", [None, {"clips": "questions about clips."}])
def test_both_ways_to_the_analyzer_are_told_apart(adapters, processor):
    card = " ".join(write_card(tiny_model(processor), None, adapters).split())
    assert "it answers with the model alone" in card and "the same one" not in card
    assert "loads the folder's adapters, if it has any, and chooses among them by the question" in card


def test_reasoning_and_general_answers_are_shown_where_they_were_scored(processor):
    general = {"data": "drawn", "about": "shapes", "kind": "image", "language": "en", "items": 301, "right": 0.8642}
    reasons = {"data": "faces", "language": "zh", "items": 299, "right": 0.5136}
    card = write_card(tiny_model(processor), MEASURED | {"reasoning": [reasons], "general": [general]})
    assert (
        "| reasoning | faces | zh | 299 | 51.4 % |\n| general: shapes, image | drawn | en | 301 | 86.4 % |\n\n" in card
    )
    assert "Other answers" not in write_card(tiny_model(processor), MEASURED)


def test_what_adapters_answer_is_shown_beside_the_model_s_own(processor):
    tuned = {"adapter": "sets", "data": "faces", "language": "zh", "people": 41, "items": 307, "accuracy": 0.7531}
    reasons = {"reasoning": [{"data": "faces", "language": "zh", "items": 299, "right": 0.5136}]}
    asked = {"asked_for_reasons": 298, "right_reasons": 0.6173}
    card = write_card(tiny_model(processor), MEASURED | reasons | {"adapters": [tuned | asked]})
    assert "| faces, adapter `sets` | zh | 41 | 307 | 75.3 % |" in card
    assert (
        "| reasoning | faces | zh | 299 | 51.4 % |\n| reasoning, adapter `sets` | faces | zh | 298 | 61.7 % |" in card
    )


@pytest.mark.parametrize("measured", [None, MEASURED])
def test_header_is_what_the_hub_reads(measured, processor):
    header = yaml.safe_load(write_card(tiny_model(processor), measured).split("---\n")[1])
    assert header["language"] == ["en", "zh"] and header["pipeline_tag"] == "video-text-to-text"
    assert header["license"] == ("apache-2.0" if measured else "other")
    assert header["library_name"] == "transformers" and "emotion-recognition" in header["tags"]


def test_root_shows_the_template_of_the_package():
    packaged = (resources.files("emotion_qwen") / "model_card.md").read_text(encoding="utf-8")
    assert (Path(__file__).parents[2] / "model_card.md").read_text(encoding="utf-8") == packaged
