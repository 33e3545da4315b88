import sys

import pytest
import torch
import yaml

from emotion_qwen import EmotionQwenForConditionalGeneration
from emotion_qwen.processing import EmotionQwenProcessor
from emotion_qwen.train import sft, tower_warm_up

from .conftest import RECIPES


def recipe(tmp_path, name, **changes):
    settings = yaml.safe_load((RECIPES / name).read_text(encoding="utf-8")) | changes
    path = tmp_path / name
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return path


def run(monkeypatch, module, *arguments):
    monkeypatch.setattr(sys, "argv", [module.__name__, *map(str, arguments)])
    module.main()


def weights(folder):
    model, report = EmotionQwenForConditionalGeneration.from_pretrained(folder, output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    return model.state_dict()


def test_the_seeing_recipe_trains_every_part_and_its_output_loads(faces, nano, tmp_path, monkeypatch):
    sources = [{"folder": str(faces), "samples": 2, "side": 80, **kind} for kind in ({}, {"kind": "video"})]
    path = recipe(tmp_path, "3_see.yaml", model_name_or_path=str(nano), data=sources)
    run(
        monkeypatch, sft, "--config", path, "--output_dir", tmp_path / "out", "--per_device_train_batch_size", 2,
        "--dataloader_num_workers", 0, "--dataloader_persistent_workers", "false", "--warmup_steps", 0,
    )  # fmt: skip
    before, after = weights(nano), weights(tmp_path / "out")
    for part in ("visual.blocks", "emotion_expert", "general_expert", "gating_network", "language_model.layers"):
        assert any(part in name and not torch.equal(before[name], after[name]) for name in before), part
    EmotionQwenProcessor.from_pretrained(tmp_path / "out")


def test_an_unknown_key_is_refused(nano, tmp_path, monkeypatch):
    path = recipe(tmp_path, "2_read.yaml", model_name_or_path=str(nano), learning_rat=1.0)
    with pytest.raises(ValueError, match="learning_rat"):
        run(monkeypatch, sft, "--config", path)


def test_frozen_parts_stay_and_an_unknown_part_is_refused(nano):
    model = EmotionQwenForConditionalGeneration.from_pretrained(nano)
    sft.freeze(model, ["model.visual"])
    assert not any(p.requires_grad for p in model.model.visual.parameters())
    assert all(p.requires_grad for p in model.model.language_model.parameters())
    with pytest.raises(ValueError, match="nothing to freeze"):
        sft.freeze(model, ["model.vision"])


def test_the_warm_up_changes_the_tower_alone(faces, nano, tmp_path, monkeypatch):
    changes = {"model_name_or_path": str(nano), "data": str(faces), "output_dir": str(tmp_path / "tower")}
    path = recipe(tmp_path, "1_tower.yaml", **changes, steps=2, batch_size=4, warmup_steps=1)
    run(monkeypatch, tower_warm_up, "--config", path)
    before, after = weights(nano), weights(tmp_path / "tower")
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all(name.startswith("model.visual.") for name in changed)
