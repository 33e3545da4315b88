import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from emotion_qwen.inference.errors import CheckpointError
from emotion_qwen.processing import EmotionQwenProcessor
from emotion_qwen.train import sft

from .conftest import recipe_based_on, run, weights


def test_the_last_stage_trains_every_part_and_its_output_loads(faces, nano, tmp_path, monkeypatch):
    rendered = {"reader": "rendered", "folder": str(faces), "samples": 2, "side": 80}
    sources = [rendered, rendered | {"kind": "video"}]
    path = recipe_based_on(tmp_path, "nano/stage3", model_name_or_path=str(nano), data=sources)
    run(
        monkeypatch, sft, "--config", path, "--output_dir", tmp_path / "out", "--per_device_train_batch_size", 2,
        "--dataloader_num_workers", 0, "--warmup_steps", 0,
    )  # fmt: skip
    before, after = weights(nano), weights(tmp_path / "out")
    for part in ("visual.blocks", "emotion_expert", "general_expert", "gating_network", "language_model.layers"):
        assert any(part in name and not torch.equal(before[name], after[name]) for name in before), part
    EmotionQwenProcessor.from_pretrained(tmp_path / "out")


def test_an_unknown_key_is_refused_before_anything_is_loaded(tmp_path, monkeypatch):
    path = recipe_based_on(tmp_path, "nano/stage3", model_name_or_path="nowhere", learning_rat=1.0)
    with pytest.raises(ValueError, match="Did you mean 'learning_rate'"):
        run(monkeypatch, sft, "--config", path)


def test_a_folder_of_clips_is_streamed(nano, faces, tmp_path, monkeypatch):
    for number, picture in enumerate(sorted((faces / "media").glob("*.jpg"))[:6]):
        target = tmp_path / "data" / ("happy", "sad")[number % 2] / picture.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(picture.read_bytes())
    source = {"reader": "folder_per_label", "path": str(tmp_path / "data"), "label_set": "basic"}
    path = recipe_based_on(tmp_path, "nano/stage3", model_name_or_path=str(nano), data=[source])
    run(
        monkeypatch, sft, path, "streaming=true", "max_steps=2", "per_device_train_batch_size=2", "warmup_steps=0",
        f"output_dir={tmp_path / 'out'}",
    )  # fmt: skip
    before, after = weights(nano), weights(tmp_path / "out")
    assert any(not torch.equal(before[name], after[name]) for name in before)


def test_the_loss_on_held_out_data_is_logged(faces, nano, tmp_path):
    rendered = {"reader": "rendered", "folder": str(faces), "samples": 2, "side": 80}
    held_out = [rendered | {"samples": 3}, rendered | {"kind": "video", "samples": 1}]
    path = recipe_based_on(tmp_path, "nano/stage3", model_name_or_path=str(nano), data=[rendered], eval_data=held_out)
    settings = (
        "max_steps=2", "per_device_train_batch_size=2", "dataloader_num_workers=0", "warmup_steps=0", "save_steps=2",
        f"output_dir={tmp_path / 'out'}",
    )  # fmt: skip
    with pytest.raises(ValueError, match="eval_data needs eval_strategy"):
        sft.main([str(path), *settings])
    sft.main([str(path), *settings, "eval_strategy=steps", "eval_steps=1", "per_device_eval_batch_size=3"])
    state = json.loads((tmp_path / "out" / "checkpoint-2" / "trainer_state.json").read_text())
    evaluated = [entry["eval_loss"] for entry in state["log_history"] if "eval_loss" in entry]
    assert len(evaluated) == 2
    assert evaluated[0] != evaluated[1]


def test_a_checkpoint_that_lacks_weights_is_not_trained_from(faces, nano, tmp_path):
    shutil.copytree(nano, tmp_path / "cut")
    stored = load_file(nano / "model.safetensors")
    kept = {name: tensor for name, tensor in stored.items() if "emotion_expert" not in name}
    save_file(kept, tmp_path / "cut" / "model.safetensors", {"format": "pt"})
    data = [{"reader": "rendered", "folder": str(faces), "samples": 2, "side": 80}]
    path = recipe_based_on(tmp_path, "nano/stage3", model_name_or_path=str(tmp_path / "cut"), data=data)
    with pytest.raises(CheckpointError, match=f"lacks {len(stored) - len(kept)} weights"):
        sft.main([str(path), f"output_dir={tmp_path / 'out'}"])
