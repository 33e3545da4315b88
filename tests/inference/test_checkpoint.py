"""Checkpoints that don't fit are refused by name."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from emotion_qwen.inference import CheckpointError, EmotionAnalyzer
from emotion_qwen.inference.checkpoint import load_checkpoint


@pytest.fixture
def copy(checkpoint: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(checkpoint, tmp_path / "copy"))


@pytest.mark.parametrize(
    "name", ["config.json", "model.safetensors", "processor_config.json", "tokenizer.json", "chat_template.jinja"]
)
def test_a_checkpoint_without_a_file_names_it(copy, name):
    (copy / name).unlink()
    with pytest.raises(CheckpointError, match=name.split(".")[0]):
        EmotionAnalyzer.from_pretrained(copy)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "processor_config.json", "tokenizer.json"])
def test_a_damaged_file_is_one_sentence(copy, name):
    (copy / name).write_bytes(b"{ not what it says")
    with pytest.raises(CheckpointError) as caught:
        EmotionAnalyzer.from_pretrained(copy)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["[1]", "null", '"no settings"'])
@pytest.mark.parametrize("name", ["config.json", "model.safetensors.index.json", "processor_config.json"])
def test_json_that_holds_no_settings_is_refused(copy, name, content):
    (copy / name).write_text(content)
    with pytest.raises(CheckpointError):
        EmotionAnalyzer.from_pretrained(copy)


@pytest.mark.parametrize("weight_map", [None, [1], {"lm_head.weight": 3}])
def test_an_index_that_is_none_is_refused(copy, weight_map):
    (copy / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    with pytest.raises(CheckpointError, match="is not an index|lacks 3"):
        EmotionAnalyzer.from_pretrained(copy)


def test_a_missing_shard_is_named(copy):
    weights = load_file(copy / "model.safetensors")
    (copy / "model.safetensors").unlink()
    index = {"metadata": {}, "weight_map": dict.fromkeys(weights, "model-00001-of-00001.safetensors")}
    (copy / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(CheckpointError, match="model-00001-of-00001.safetensors"):
        EmotionAnalyzer.from_pretrained(copy)


def test_missing_weights_are_not_made_up(copy):
    weights = load_file(copy / "model.safetensors")
    removed = next(name for name in weights if "gating_network" in name)
    weights.pop(removed)
    save_file(weights, copy / "model.safetensors", {"format": "pt"})
    with pytest.raises(CheckpointError, match="gating_network"):
        EmotionAnalyzer.from_pretrained(copy)


@pytest.mark.parametrize("change", [{"tokenizer_config.json": None}, {"eos_token": None}, {"pad_token": None}])
def test_a_tokenizer_without_its_roles_is_refused(copy, change):
    path = copy / "tokenizer_config.json"
    settings = json.loads(path.read_text())
    path.unlink()
    if path.name not in change:
        path.write_text(json.dumps(settings | change))
    with pytest.raises(CheckpointError, match=r"_token, which tokenizer_config\.json"):
        EmotionAnalyzer.from_pretrained(copy)


@pytest.mark.parametrize("spoil", [lambda text: text[: len(text) // 2], lambda text: text + "{{ no.such.thing }}"])
def test_a_damaged_chat_template_is_refused(copy, spoil):
    path = copy / "chat_template.jinja"
    path.write_text(spoil(path.read_text()))
    with pytest.raises(CheckpointError, match=r"chat_template\.jinja, is damaged"):
        EmotionAnalyzer.from_pretrained(copy)


def _configure(checkpoint: Path, **settings: object) -> None:
    path = checkpoint / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))


@pytest.mark.parametrize(("content", "reason"), [({}, "must equal"), (None, "must equal"), (5, "text_config")])
def test_a_part_of_the_config_that_is_none_is_refused(copy, content, reason):
    _configure(copy, text_config=content)
    with pytest.raises(CheckpointError, match=reason):
        EmotionAnalyzer.from_pretrained(copy)


def test_weights_of_another_size_are_refused(copy):
    vision = json.loads((copy / "config.json").read_text())["vision_config"]
    _configure(copy, vision_config=vision | {"intermediate_size": 24})
    with pytest.raises(CheckpointError, match=r"don't fit its config\.json: model\.visual\.blocks\.0\.mlp.*, 24\)"):
        EmotionAnalyzer.from_pretrained(copy)


def test_media_tokens_that_are_not_the_tokenizers_are_refused(copy):
    _configure(copy, image_token_id=7)
    with pytest.raises(CheckpointError, match="image_token_id is 7 in the model's config"):
        EmotionAnalyzer.from_pretrained(copy)


def test_another_architecture_is_refused(copy):
    (copy / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(CheckpointError, match="'llama' model, not Emotion-Qwen"):
        EmotionAnalyzer.from_pretrained(copy)


@pytest.mark.parametrize("path", ["/no/such/folder", "./nowhere", "nobody/nothing-of-that-name"])
def test_a_checkpoint_that_is_nowhere(path):
    with pytest.raises(CheckpointError):
        EmotionAnalyzer.from_pretrained(path)


def test_weights_are_float32_on_the_cpu_unless_asked(checkpoint):
    assert load_checkpoint(checkpoint, device="cpu")[0].dtype == torch.float32
    assert load_checkpoint(checkpoint, device="cpu", dtype=torch.bfloat16)[0].dtype == torch.bfloat16
