"""Checkpoints and adapters that don't fit are refused by name."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from emotion_qwen.inference import AdapterError, CheckpointError, EmotionAnalyzer
from emotion_qwen.inference.checkpoint import apply_adapter, load_checkpoint, merge_adapter

peft = pytest.importorskip("peft")

TARGETS = r".*language_model\.layers\..*\.(q_proj|v_proj)"


@pytest.fixture
def copy(checkpoint: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(checkpoint, tmp_path / "copy"))


@pytest.fixture
def adapter(checkpoint: Path, tmp_path: Path) -> Path:
    model, _ = load_checkpoint(checkpoint, device="cpu")
    adapted = peft.get_peft_model(model, peft.LoraConfig(r=2, target_modules=TARGETS, init_lora_weights=False))
    adapted.save_pretrained(tmp_path / "adapter")
    return tmp_path / "adapter"


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


def test_an_adapter_changes_what_is_read(analyzer, checkpoint, adapter, portrait):
    plain = analyzer.analyze(portrait, max_new_tokens=2)
    adapted = EmotionAnalyzer.from_pretrained(checkpoint, adapter, device="cpu").analyze(portrait, max_new_tokens=2)
    assert adapted.probabilities != plain.probabilities


def test_a_merged_adapter_says_what_the_adapter_says(analyzer, checkpoint, adapter, portrait):
    model, processor = load_checkpoint(checkpoint, device="cpu")
    merged = EmotionAnalyzer(merge_adapter(model, adapter), processor).analyze(portrait, max_new_tokens=2)
    adapted = EmotionAnalyzer.from_pretrained(checkpoint, adapter, device="cpu").analyze(portrait, max_new_tokens=2)
    assert merged.probabilities == pytest.approx(adapted.probabilities, abs=1e-4)


def change_width(folder: Path) -> None:
    path = folder / "adapter_model.safetensors"
    save_file({name: torch.zeros(3, 5) for name in load_file(path)}, path)


def change_layers(folder: Path) -> None:
    path = folder / "adapter_model.safetensors"
    save_file({name.replace("layers.1", "layers.7"): weight for name, weight in load_file(path).items()}, path)


def change_targets(folder: Path) -> None:
    path = folder / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"target_modules": ["c_attn"]}))


def damage(folder: Path) -> None:
    (folder / "adapter_model.safetensors").write_bytes(b"no weights at all")


@pytest.mark.parametrize("spoil", [change_width, change_layers, change_targets, damage])
def test_an_adapter_of_another_model_is_refused(checkpoint, adapter, spoil):
    spoil(adapter)
    model, _ = load_checkpoint(checkpoint, device="cpu")
    with pytest.raises(AdapterError) as caught:
        apply_adapter(model, adapter)
    assert "\n" not in str(caught.value) and "adapter" in str(caught.value)


@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors"])
def test_an_adapter_without_a_file_names_it(checkpoint, adapter, name):
    (adapter / name).unlink()
    model, _ = load_checkpoint(checkpoint, device="cpu")
    with pytest.raises(AdapterError, match=name):
        apply_adapter(model, adapter)


def test_an_adapter_that_is_nowhere(analyzer):
    with pytest.raises(AdapterError, match="no adapter folder"):
        apply_adapter(analyzer.model, "/no/such/adapter")
