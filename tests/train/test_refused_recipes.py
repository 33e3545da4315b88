"""Recipes that are refused with a sentence that says what to change, before a step is taken."""

import json

import pytest
from trl import SFTConfig

from emotion_qwen.train import sft

from .conftest import recipe_based_on
from .data.conftest import write_picture

REFUSED = [
    ({"data": {"reader": "csv", "path": "a.csv"}}, "data must be a list"),
    ({"trainable": "model.visual"}, "trainable must be a list, not 'model.visual'"),
    ({"learning_rates": [1e-4]}, "learning_rates must be rates by name of module"),
    ({"learning_rates": {"model.visual": None}}, "learning_rates must be rates by name of module"),
    ({"muon_learning_rates": {"model.visual.blokcs": 1e-4}}, "has a learning rate for 'model.visual.blokcs'"),
    (
        {"learning_rates": {"model.visual.compresor": 1e-4}},
        "rate for 'model.visual.compresor', but the model",
    ),
    ({"samples_per_epoch": -1}, "samples_per_epoch must be above 0"),
    ({"samples_per_epoch": 4, "streaming": True}, "no epochs: leave samples_per_epoch out"),
    ({"num_train_epochs": 0, "max_steps": -1}, "num_train_epochs must be above 0"),
    ({"load_in_4bit": True}, "load_in_4bit"),
    ({"model_name_or_path": None}, "Which checkpoint"),
    ({"model_name_or_path": "outputs/stage9"}, "no checkpoint 'outputs/stage9', neither here nor on the Hub"),
    ({"model_name_or_path": "outputs/lora/x"}, "no checkpoint 'outputs/lora/x', neither here nor on the Hub"),
    ({"model_name_or_path": "/nowhere/stage9"}, "no checkpoint folder '/nowhere/stage9'"),
]


@pytest.fixture
def data(tmp_path):
    for label in ("bored", "keen"):
        write_picture(tmp_path / "data" / label / "a.png")
    return [{"reader": "folder_per_label", "path": str(tmp_path / "data")}]


@pytest.mark.parametrize(("change", "message"), REFUSED)
def test_what_can_not_be_meant_is_refused(change, message, data, nano, tmp_path):
    settings = {"model_name_or_path": str(nano), "data": data, "output_dir": str(tmp_path / "out"), "max_steps": 1}
    recipe = recipe_based_on(tmp_path, "nano/stage1", **settings | change)
    with pytest.raises(ValueError, match=message):
        sft.main([str(recipe)])
    assert not (tmp_path / "out").exists()


def test_a_model_of_another_kind_is_refused(data, tmp_path):
    (tmp_path / "qwen").mkdir()
    (tmp_path / "qwen" / "config.json").write_text(json.dumps({"model_type": "qwen2_5_vl"}))
    settings = {"model_name_or_path": str(tmp_path / "qwen"), "data": data, "output_dir": str(tmp_path / "out")}
    with pytest.raises(ValueError, match="is a 'qwen2_5_vl' model, not Emotion-Qwen"):
        sft.main([str(recipe_based_on(tmp_path, "nano/stage1", **settings))])


def test_a_rate_without_a_point_is_a_number():
    assert sft.ScriptArguments(data=[], learning_rates={"lm_head": "1e-4"}).learning_rates == {"lm_head": 1e-4}


def test_a_process_with_several_gpus_is_refused(data, tmp_path, nano, monkeypatch):
    path = recipe_based_on(tmp_path, "nano/lora", model_name_or_path=str(nano), data=data)
    monkeypatch.setattr(SFTConfig, "n_gpu", 2)
    with pytest.raises(ValueError, match="torchrun --nproc_per_node 2"):
        sft.main([str(path), f"output_dir={tmp_path / 'out'}"])
