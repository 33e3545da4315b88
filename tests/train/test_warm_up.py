import shutil

import pytest
import torch
import yaml

from emotion_qwen import EmotionQwenConfig, EmotionQwenForConditionalGeneration
from emotion_qwen.processing import EmotionQwenProcessor
from emotion_qwen.train import warm_up

from .conftest import recipe, run, weights

GATE = "model.visual.compressor.gating_network"
PARTS = ("visual.blocks", "emotion_expert", "general_expert", "gating_network", "language_model.layers")


@pytest.fixture
def settings(faces, nano, tmp_path):
    media = {"faces": str(faces), "drawings": str(faces)}
    out = {"model_name_or_path": str(nano), "output_dir": str(tmp_path / "warm"), "drawings_every": 2}
    return recipe(tmp_path, "warm_up.yaml", **media, **out, steps=3, tower_steps=1, batch_size=4, warmup_steps=1)


def test_every_part_is_warmed_and_no_readout_is_saved(settings, nano, tmp_path, monkeypatch):
    run(monkeypatch, warm_up, "--config", settings)
    before, after = weights(nano), weights(tmp_path / "warm")
    assert before.keys() == after.keys()
    for part in PARTS:
        assert any(part in name and not torch.equal(before[name], after[name]) for name in before), part


@pytest.mark.parametrize(
    ("drawings_every", "learns", "rests"),
    [(1, "general_expert", "emotion_expert"), (9, "emotion_expert", "general_expert")],
)
def test_the_expert_of_the_other_subject_rests(settings, nano, tmp_path, monkeypatch, drawings_every, learns, rests):
    run(monkeypatch, warm_up, "--config", settings, "--drawings_every", drawings_every)
    before, after = weights(nano), weights(tmp_path / "warm")
    changed = [name for name in before if not torch.equal(before[name], after[name])]
    assert any(learns in name for name in changed)
    assert not any(rests in name for name in changed)


def test_the_language_model_rests_while_the_tower_learns(settings, nano, tmp_path, monkeypatch):
    run(monkeypatch, warm_up, "--config", settings, "--tower_steps", 3)
    before, after = weights(nano), weights(tmp_path / "warm")
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert any("visual.blocks" in name for name in changed)
    assert not any("language_model" in name for name in changed)


def test_a_projector_without_experts_learns_from_both_subjects(settings, nano, tmp_path, monkeypatch):
    config = EmotionQwenConfig.from_pretrained(nano)
    config.vision_config.projector_type = "mlp"
    EmotionQwenForConditionalGeneration(config).save_pretrained(tmp_path / "mlp")
    EmotionQwenProcessor.from_pretrained(nano).save_pretrained(tmp_path / "mlp")
    run(monkeypatch, warm_up, "--config", settings, "--model_name_or_path", tmp_path / "mlp")
    before, after = weights(tmp_path / "mlp"), weights(tmp_path / "warm")
    assert any("compressor.projection" in name and not torch.equal(before[name], after[name]) for name in before)


def test_a_module_can_have_a_learning_rate_of_its_own(settings, nano, tmp_path, monkeypatch):
    shipped = yaml.safe_load(settings.read_text())
    path = recipe(tmp_path, "warm_up.yaml", **shipped | {"learning_rates": {GATE: 0.0}})
    run(monkeypatch, warm_up, "--config", path)
    before, after = weights(nano), weights(tmp_path / "warm")
    changed = [name for name in before if not torch.equal(before[name], after[name])]
    assert changed
    assert not any(name.startswith(GATE) for name in changed)


def test_the_same_seed_gives_the_same_weights(settings, tmp_path, monkeypatch):
    for name in ("once", "again"):
        run(monkeypatch, warm_up, "--config", settings, "--output_dir", tmp_path / name)
    once, again = weights(tmp_path / "once"), weights(tmp_path / "again")
    assert all(torch.equal(once[name], again[name]) for name in once)


def test_a_run_that_ends_while_it_writes_leaves_the_model_that_was_there(settings, nano, tmp_path, monkeypatch):
    shutil.copytree(nano, tmp_path / "warm")

    def full_disk(*_):
        raise OSError("No space left on device")

    with monkeypatch.context() as full:
        full.setattr(EmotionQwenProcessor, "save_pretrained", full_disk)
        with pytest.raises(OSError, match="No space"):
            run(full, warm_up, "--config", settings)
    before, after = weights(nano), weights(tmp_path / "warm")
    assert all(torch.equal(before[name], after[name]) for name in before)
    left = tmp_path / "warm" / ".unfinished"
    (left / "model-00001-of-00002.safetensors").touch()  # of a larger model
    run(monkeypatch, warm_up, "--config", settings)
    assert {path.name for path in (tmp_path / "warm").iterdir()} == {path.name for path in nano.iterdir()}


def test_bf16_is_only_computed_with(settings, nano, tmp_path, monkeypatch):
    for bf16 in ("true", "false"):
        run(monkeypatch, warm_up, "--config", settings, "--output_dir", tmp_path / bf16, "--bf16", bf16)
    before, rounded, exact = (weights(folder) for folder in (nano, tmp_path / "true", tmp_path / "false"))
    assert all(weight.dtype == torch.float32 for weight in rounded.values())
    for part in PARTS:
        changes = [
            torch.cat([(after[name] - before[name]).flatten() for name in before if part in name])
            for after in (rounded, exact)
        ]
        assert not torch.equal(*changes), part
        assert torch.cosine_similarity(*changes, dim=0) > 0.9, part


def test_an_unknown_key_is_refused(settings, monkeypatch):
    with pytest.raises(ValueError, match="stepz"):
        run(monkeypatch, warm_up, "--config", settings, "--stepz", 3)


def test_fewer_pictures_than_a_batch_are_refused_instead_of_waited_for(settings, monkeypatch):
    with pytest.raises(ValueError, match="A batch has 99 pictures, but of faces there are 7"):
        run(monkeypatch, warm_up, "--config", settings, "--batch_size", 99)


@pytest.mark.parametrize("name", ["model.visual.blokcs", "model.visual.compressor.emotion_expret"])
def test_a_learning_rate_for_no_module_is_refused(name, settings, tmp_path, monkeypatch):
    shipped = yaml.safe_load(settings.read_text())
    path = recipe(tmp_path, "warm_up.yaml", **shipped | {"muon_learning_rates": {name: 1e-3}})
    with pytest.raises(ValueError, match=f"a learning rate for {name!r}"):
        run(monkeypatch, warm_up, "--config", path)
