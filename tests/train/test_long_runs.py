"""Runs that are killed and started again."""

import random
import shutil
import time
from pathlib import Path

import pytest
import torch

from emotion_qwen.train import sft

from .conftest import recipe_based_on, weights
from .launched import SETTINGS, TWO_PROCESSES, equal, finished, kill, start


@pytest.fixture
def sources(faces):
    rendered = {"reader": "rendered", "folder": str(faces), "side": 80}
    return [rendered | {"samples": 6}, rendered | {"kind": "video", "samples": 2}]


@pytest.fixture
def path(sources, nano, tmp_path):
    return recipe_based_on(tmp_path, "nano/stage3", model_name_or_path=str(nano), data=sources)


@pytest.fixture
def adapter_path(sources, nano, tmp_path):
    settings = {"model_name_or_path": str(nano), "data": sources, "lora_r": 2, "lora_dropout": 0.1}
    return recipe_based_on(tmp_path, "nano/lora", **settings)


def wait_for(checkpoint: Path, run, seconds: float = 200) -> None:
    deadline = time.monotonic() + seconds
    while not checkpoint.exists():
        assert run.poll() is None, run.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def survives_a_kill(path: Path, folder: Path, *settings: str, launcher: tuple[str, ...] = ()) -> None:
    """Kills a run at a random moment after a random checkpoint, starts it again and compares it with another run."""
    undisturbed, disturbed = folder / "undisturbed", folder / "disturbed"
    finished(start(path, undisturbed, *settings, launcher=launcher))
    steps = max(int(checkpoint.name.split("-")[1]) for checkpoint in undisturbed.glob("checkpoint-*"))
    # Within a step, or while a checkpoint is written; not the same each time, although other tests seed `random`.
    chance = random.SystemRandom()
    after, delay = chance.randrange(2, steps, 2), chance.uniform(0, 0.5)
    print(f"killed {delay:.3f} s after checkpoint {after} of {steps} began")  # pytest shows it when the test fails
    killed = start(path, disturbed, *settings, launcher=launcher)
    wait_for(disturbed / f"checkpoint-{after}", killed)
    time.sleep(delay)
    kill(killed)
    said = finished(start(path, disturbed, *settings, "resume_from_checkpoint=true", launcher=launcher))
    assert after == 2 or "going on from" in said  # the first checkpoint may have been half written
    assert equal(undisturbed, disturbed)


@pytest.mark.slow
def test_a_killed_run_that_is_started_again_ends_with_the_same_weights(path, tmp_path):
    survives_a_kill(path, tmp_path)


@pytest.mark.slow
def test_so_does_an_adapter_with_dropout(adapter_path, tmp_path):
    survives_a_kill(adapter_path, tmp_path)


@pytest.mark.slow
def test_so_does_a_run_that_gathers_gradients_over_several_batches(path, tmp_path):
    survives_a_kill(path, tmp_path, "per_device_train_batch_size=1", "gradient_accumulation_steps=2")


@pytest.mark.slow
def test_so_do_two_processes(path, tmp_path):
    survives_a_kill(path, tmp_path, "per_device_train_batch_size=1", launcher=TWO_PROCESSES)


@pytest.mark.slow
def test_so_do_two_processes_that_leave_out_the_last_batch_of_each_epoch(path, tmp_path):
    # 3 steps an epoch, of 7 samples: in 21 steps they go through more epochs than 42 samples would fill.
    settings = ("per_device_train_batch_size=1", "samples_per_epoch=7", "dataloader_drop_last=true", "max_steps=21")
    survives_a_kill(path, tmp_path, *settings, launcher=TWO_PROCESSES)


@pytest.mark.slow
def test_so_does_a_run_on_streamed_data(sources, nano, tmp_path):
    weighted = [source | {"weight": 1} for source in sources]
    path = recipe_based_on(tmp_path, "nano/stage3", model_name_or_path=str(nano), data=weighted)
    survives_a_kill(path, tmp_path, "streaming=true", "max_steps=12")


def here(path: Path, output: Path, *settings: str) -> None:
    """Trains two steps in this process, with a checkpoint after the first."""
    small = ("max_steps=2", "save_steps=1", "dataloader_num_workers=0")
    sft.main([str(path), *SETTINGS, *small, f"output_dir={output}", *settings])


@pytest.mark.parametrize("bf16", [True, False])
def test_muon_goes_on_with_the_same_weights(bf16, path, sources, nano, tmp_path):
    here(path, tmp_path / "adamw", f"bf16={bf16}")
    rates = {"model.visual.blocks": 1e-3, "model.language_model.layers": 1e-3}
    settings = {"model_name_or_path": str(nano), "data": sources, "muon_learning_rates": rates, "bf16": bf16}
    path = recipe_based_on(tmp_path, "nano/stage3", **settings)
    here(path, tmp_path / "undisturbed")
    assert not equal(tmp_path / "undisturbed", tmp_path / "adamw")
    resumed = tmp_path / "resumed"
    checkpoint = shutil.copytree(tmp_path / "undisturbed" / "checkpoint-1", resumed / "checkpoint-1")
    here(path, resumed, f"resume_from_checkpoint={checkpoint}")
    assert equal(tmp_path / "undisturbed", resumed)


def test_a_finished_run_is_not_trained_over_unless_told_to(path, tmp_path):
    output = tmp_path / "out"
    here(path, output)
    trained = weights(output)
    with pytest.raises(ValueError, match="holds a finished model"):
        here(path, output)
    with pytest.raises(ValueError, match="other settings: learning_rate .[0-9.]+, now 0.1..*overwrite_output_dir"):
        here(path, output, "learning_rate=0.1", "resume_from_checkpoint=true")
    here(path, output, "logging_steps=2", f"resume_from_checkpoint={output / 'checkpoint-1'}")
    again = weights(output)
    assert all(torch.equal(trained[name], again[name]) for name in trained)
    here(path, output, "learning_rate=0.1", "overwrite_output_dir=true")
    assert any(not torch.equal(trained[name], tensor) for name, tensor in weights(output).items())


def test_dropout_goes_on_where_it_was_when_workers_live_from_epoch_to_epoch(adapter_path, tmp_path):
    two_epochs = ("num_train_epochs=1", "max_steps=8")  # of which the second counts
    settings = (*SETTINGS, *two_epochs, "save_total_limit=9", "dataloader_persistent_workers=true")
    undisturbed, resumed = tmp_path / "undisturbed", tmp_path / "resumed"
    sft.main([str(adapter_path), *settings, f"output_dir={undisturbed}"])
    first = f"resume_from_checkpoint={undisturbed / 'checkpoint-2'}"  # in the middle of the first epoch
    sft.main([str(adapter_path), *settings, f"output_dir={resumed}", first])
    assert equal(undisturbed, resumed)


def test_a_named_checkpoint_that_is_not_whole_is_refused(path, tmp_path):
    broken = tmp_path / "checkpoint-3"
    broken.mkdir()
    with pytest.raises(ValueError, match="no checkpoint that was written to its end"):
        here(path, tmp_path / "out", f"resume_from_checkpoint={broken}")
