import logging

import pytest

from emotion_qwen.train import sft
from emotion_qwen.train.trainer import EmotionQwenTrainer

from .conftest import recipe_based_on
from .launched import logged

GATE = "model.visual.compressor.gating_network"


@pytest.fixture
def started(faces, nano, tmp_path, monkeypatch, caplog):
    """The trainer of a run without Muon, at its first step, and what was printed before."""
    held: list[EmotionQwenTrainer] = []
    monkeypatch.setattr(EmotionQwenTrainer, "train_to_the_end", lambda trainer, anew: held.append(trainer))
    data = [{"reader": "rendered", "folder": str(faces), "samples": 2, "side": 80}]
    settings = {"model_name_or_path": str(nano), "data": data, "weight_decay": 0.1, "muon_learning_rates": {}}
    settings["num_train_epochs"] = 3
    path = recipe_based_on(tmp_path, "nano/stage3", **settings, learning_rate=1e-3, learning_rates={GATE: 1e-5})
    with caplog.at_level(logging.INFO):
        sft.main([str(path), f"output_dir={tmp_path / 'out'}"])
    (trainer,) = held
    return trainer, caplog.text


def groups_of(trainer):
    """The settings of each parameter's group, by its name."""
    names = {id(parameter): name for name, parameter in trainer.model.named_parameters()}
    groups = trainer.create_optimizer().param_groups
    return {names[id(parameter)]: group for group in groups for parameter in group["params"]}


def test_norms_and_biases_do_not_decay_and_all_else_does(started):
    trainer, _ = started
    norms = [name for name, module in trainer.model.named_modules() if type(module).__name__.endswith("Norm")]
    assert any("norm1" in name for name in norms), "whose names transformers does not know"
    for name, group in groups_of(trainer).items():
        kept = name.rpartition(".")[0] in norms or name.endswith("bias")
        assert group["weight_decay"] == (0.0 if kept else 0.1), name


def test_a_module_learns_at_its_own_rate(started):
    trainer, _ = started
    rates = {name: group["lr"] for name, group in groups_of(trainer).items()}
    assert {rate for name, rate in rates.items() if name.startswith(GATE)} == {1e-5}
    assert {rate for name, rate in rates.items() if not name.startswith(GATE)} == {1e-3}
    assert rates.keys() == dict(trainer.model.named_parameters()).keys()


def test_an_epoch_has_as_many_samples_as_the_recipe_says_however_many_epochs_there_are(started):
    trainer, _ = started
    assert trainer.args.num_train_epochs == 3
    assert len(trainer.train_dataset) == 6 and trainer.num_examples(trainer.get_train_dataloader()) == 2


def test_muon_that_is_to_train_only_what_is_frozen_is_refused(started):
    trainer, _ = started
    trainer.muon_learning_rates = {"model.visual.blocks": 1e-3}
    trainer.model.model.visual.blocks.requires_grad_(False)
    with pytest.raises(ValueError, match="leave muon_learning_rates out"):
        trainer.create_optimizer()


def test_what_is_trained_and_a_sample_with_what_is_learnt_in_it_are_shown_first(started):
    _, printed = started
    lines = printed.splitlines()
    assert any("compressor.gating_network" in line and line.endswith("1e-05") for line in lines)
    assert any("»" in line and "«" in line for line in lines)


def test_every_token_counts_the_same_in_batches_that_are_accumulated(faces, nano, tmp_path):
    source = {"reader": "rendered", "folder": str(faces), "samples": 4, "side": 80, "label_share": 0.5}
    plain = {"muon_learning_rates": {}, "bf16": False, "max_steps": 1, "logging_steps": 1, "max_grad_norm": 1.0}
    plain |= {"save_strategy": "steps", "save_steps": 1}
    path = recipe_based_on(tmp_path, "nano/stage3", model_name_or_path=str(nano), data=[source], **plain)
    steps = []
    for size, accumulated in ((4, 1), (1, 4)):
        batch = f"per_device_train_batch_size={size}", f"gradient_accumulation_steps={accumulated}"
        sft.main([str(path), f"output_dir={tmp_path / str(size)}", *batch])
        ((loss,), (norm,)) = (logged(tmp_path / str(size), name) for name in ("loss", "grad_norm"))
        steps.append((loss, norm))
    assert steps[1] == pytest.approx(steps[0], rel=1e-3)
