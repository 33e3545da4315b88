"""Training runs in processes of their own: started, waited for, killed and compared."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

TWO_PROCESSES = ("-m", "torch.distributed.run", "--nproc_per_node", "2")
STANDALONE = {"PET_STANDALONE": "1"}
"""Has torchrun, alone or under accelerate, keep the port that it finds: accelerate's own choice, given up in between,
may be another test's when it is needed."""
SETTINGS = (
    "per_device_train_batch_size=2", "num_train_epochs=4", "save_steps=2", "save_strategy=steps", "logging_steps=1",
    "dataloader_num_workers=1", "warmup_steps=0",
)  # fmt: skip


def start(path: Path, output: Path, *settings: str, launcher: tuple[str, ...] = ()) -> subprocess.Popen:
    """Starts a run of a recipe.

    Args:
        path: The recipe.
        output: Its output folder.
        *settings: What overrides the recipe and `SETTINGS`.
        launcher: The module that starts the processes, with its options.
    """
    script = ("-m", "emotion_qwen.train.sft", str(path), f"output_dir={output}", *SETTINGS, *settings)
    return subprocess.Popen(
        [sys.executable, *launcher, *script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True, env=os.environ | STANDALONE | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def finished(run: subprocess.Popen, timeout: float = 240) -> str:
    """What a run printed, which must end well, and in time: processes that wait for each other never do."""
    try:
        output, _ = run.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        kill(run)
        raise
    assert run.returncode == 0, output
    return output


def kill(run: subprocess.Popen) -> None:
    """Kills a run with all its processes, as a machine that fails does."""
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate()


def losses(folder: Path) -> list[float]:
    """The loss of each step, as the last checkpoint of a run tells."""
    return logged(folder, "loss")


def logged(folder: Path, name: str) -> list[float]:
    """What was logged under a name at each step, as the last checkpoint of a run tells."""
    (*_, checkpoint) = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    history = json.loads((checkpoint / "trainer_state.json").read_text())["log_history"]
    return [entry[name] for entry in history if name in entry]


def equal(first: Path, second: Path) -> bool:
    """Whether two folders hold the same weights, bit by bit."""
    (ours,), (theirs,) = (list(map(load_file, folder.glob("*.safetensors"))) for folder in (first, second))
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)
