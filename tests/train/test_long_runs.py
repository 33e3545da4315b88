"""Runs that are killed and started again, and runs of two processes."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from emotion_qwen.train import sft

from .conftest import recipe_based_on, weights

SETTINGS = (
    "per_device_train_batch_size=2", "num_train_epochs=4", "save_steps=2", "save_strategy=steps", "logging_steps=1",
    "dataloader_num_workers=1", "warmup_steps=0",
)  # fmt: skip


@pytest.fixture
def path(faces, nano, tmp_path):
    rendered = {"reader": "rendered", "folder": str(faces), "side": 80}
    sources = [rendered | {"samples": 6}, rendered | {"kind": "video", "samples": 2}]
    return recipe_based_on(tmp_path, "nano/stage3", model_name_or_path=str(nano), data=sources)


def start(path: Path, output: Path, *settings: str, launcher: tuple[str, ...] = ()) -> subprocess.Popen:
    command = [
        sys.executable,
        *launcher,
        "-m",
        "emotion_qwen.train.sft",
        str(path),
        f"output_dir={output}",
        *SETTINGS,
        *settings,
    ]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def finished(run: subprocess.Popen) -> str:
    output, _ = run.communicate(timeout=240)
    assert run.returncode == 0, output
    return output


def equal(first: Path, second: Path) -> bool:
    ours, theirs = weights(first), weights(second)
    return all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.slow
@pytest.mark.parametrize("after", [2, 6, 12])
def test_a_killed_run_that_is_started_again_ends_with_the_same_weights(path, tmp_path, after):
    undisturbed, disturbed = tmp_path / "undisturbed", tmp_path / "disturbed"
    finished(start(path, undisturbed))
    killed = start(path, disturbed)
    deadline = time.monotonic() + 200
    while not (disturbed / f"checkpoint-{after}").exists():
        assert killed.poll() is None, killed.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(random.uniform(0, 0.2))  # within a step, or while the checkpoint is written
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    finished(start(path, disturbed))
    assert equal(undisturbed, disturbed)


def losses(folder: Path) -> list[float]:
    (*_, checkpoint) = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    history = json.loads((checkpoint / "trainer_state.json").read_text())["log_history"]
    return [entry["loss"] for entry in history if "loss" in entry]


@pytest.mark.slow
def test_two_processes_with_pictures_on_one_and_clips_on_the_other_train_as_one(path, tmp_path):
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2")
    together, alone = tmp_path / "together", tmp_path / "alone"
    single = ("per_device_train_batch_size=1", "num_train_epochs=2")
    output = finished(start(path, together, *single, launcher=launcher))
    assert "processes: 2" in output
    finished(start(path, alone, *single, "gradient_accumulation_steps=2"))
    assert len(losses(together)) == len(losses(alone)) == 8
    assert losses(together) == pytest.approx(losses(alone), rel=1e-3)


def test_processes_that_do_not_join_are_noticed(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    sft.require_all_processes(2)
    with pytest.raises(RuntimeError, match="2 processes, but 1"):
        sft.require_all_processes(1)


def here(path: Path, output: Path, *settings: str) -> None:
    """Trains two steps in this process, with a checkpoint after the first."""
    small = ("max_steps=2", "save_steps=1", "dataloader_num_workers=0", "dataloader_persistent_workers=false")
    sft.main([str(path), *SETTINGS, *small, f"output_dir={output}", *settings])


def test_a_finished_run_is_not_trained_over_unless_told_to(path, tmp_path):
    output = tmp_path / "out"
    here(path, output)
    trained = weights(output)
    with pytest.raises(ValueError, match="holds a finished model"):
        here(path, output)
    with pytest.raises(ValueError, match="other settings: learning_rate .0.0008, now 0.1..*overwrite_output_dir=true"):
        here(path, output, "learning_rate=0.1", "resume_from_checkpoint=true")
    here(path, output, "logging_steps=2", f"resume_from_checkpoint={output / 'checkpoint-1'}")
    again = weights(output)
    assert all(torch.equal(trained[name], again[name]) for name in trained)
    here(path, output, "learning_rate=0.1", "overwrite_output_dir=true")
    assert any(not torch.equal(trained[name], tensor) for name, tensor in weights(output).items())


def test_a_named_checkpoint_that_is_not_whole_is_refused(path, tmp_path):
    broken = tmp_path / "checkpoint-3"
    broken.mkdir()
    with pytest.raises(ValueError, match="no checkpoint that was written to its end"):
        here(path, tmp_path / "out", f"resume_from_checkpoint={broken}")
