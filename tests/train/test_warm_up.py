import pytest
import torch

from emotion_qwen.train import warm_up

from .conftest import recipe, run, weights

PARTS = ("visual.blocks", "emotion_expert", "general_expert", "gating_network", "language_model.layers")


@pytest.fixture
def settings(faces, nano, tmp_path):
    out = {"model_name_or_path": str(nano), "data": str(faces), "output_dir": str(tmp_path / "warm")}
    return recipe(tmp_path, "1_warm_up.yaml", **out, steps=2, batch_size=4, warmup_steps=1)


def test_every_part_is_warmed_and_no_readout_is_saved(settings, nano, tmp_path, monkeypatch):
    run(monkeypatch, warm_up, "--config", settings)
    before, after = weights(nano), weights(tmp_path / "warm")
    assert before.keys() == after.keys()
    for part in PARTS:
        assert any(part in name and not torch.equal(before[name], after[name]) for name in before), part


def test_the_same_seed_gives_the_same_weights(settings, tmp_path, monkeypatch):
    for name in ("once", "again"):
        run(monkeypatch, warm_up, "--config", settings, "--output_dir", tmp_path / name)
    once, again = weights(tmp_path / "once"), weights(tmp_path / "again")
    assert all(torch.equal(once[name], again[name]) for name in once)


def test_an_unknown_key_is_refused(settings, monkeypatch):
    with pytest.raises(ValueError, match="stepz"):
        run(monkeypatch, warm_up, "--config", settings, "--stepz", 3)
