"""Checkpoints and models that are complete or absent, whenever a run was killed."""

import json
import logging
import re
import shutil
from pathlib import Path

from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from emotion_qwen.train.run_settings import PROCESSES, read_settings

logger = logging.getLogger(__name__)

_CHECKPOINT = re.compile(rf"{PREFIX_CHECKPOINT_DIR}-(\d+)")
_UNFINISHED = ".unfinished"
"""Where a finished model is written before it takes its place."""
_LOADABLE_BY = ("config.json", "adapter_config.json")
"""The files that make a folder a model or an adapter."""


def is_written(checkpoint: Path) -> bool:
    """Tells whether a checkpoint was written to its end: the trainer writes its state last.

    Args:
        checkpoint: Its folder.
    """
    try:
        json.loads((checkpoint / TRAINER_STATE_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return True


def missing_from(checkpoint: Path) -> list[str]:
    """Names the files that a checkpoint lacks for the run to go on as if nothing had been.

    Args:
        checkpoint: Its folder.

    Returns:
        The trainer's state, and the random state of each process that wrote it.
    """
    processes = read_settings(checkpoint).get(PROCESSES, 1)
    states = [f"rng_state_{rank}.pth" for rank in range(processes)] if processes > 1 else ["rng_state.pth"]
    missing = [name for name in states if not (checkpoint / name).is_file()]
    return missing if is_written(checkpoint) else [TRAINER_STATE_NAME, *missing]


def complete_checkpoints(folder: Path) -> list[Path]:
    """The checkpoints of a run from which it can go on, the oldest first.

    Older checkpoints are removed only after a newer one was written to its end.

    Args:
        folder: Output folder of the run.
    """
    found = []
    for path in _checkpoints(folder):
        missing = missing_from(path)
        if not missing:
            found.append(path)
        elif is_written(path):
            logger.warning("'%s' lacks %s: the run can't go on from there.", path, ", ".join(missing))
    return found


def remove_unfinished(folder: Path) -> None:
    """Removes what a killed run left half written.

    Args:
        folder: Output folder of the run.
    """
    for path in [*_checkpoints(folder), folder / _UNFINISHED]:
        if not is_written(path):
            shutil.rmtree(path, ignore_errors=True)


def remove_checkpoints(folder: Path) -> None:
    """Removes all checkpoints of a run.

    Args:
        folder: Output folder of the run.
    """
    for path in _checkpoints(folder):
        (path / TRAINER_STATE_NAME).unlink(missing_ok=True)  # so that what is half removed counts as half written
        shutil.rmtree(path)


def _checkpoints(folder: Path) -> list[Path]:
    """The checkpoints of a run, whole or not, in the order of their steps; not what a person named after one."""
    named = [(match, path) for path in folder.glob("*") if (match := _CHECKPOINT.fullmatch(path.name))]
    return [path for _, path in sorted((int(match[1]), path) for match, path in named)]


def holds_model(folder: Path) -> bool:
    """Tells whether a finished model or adapter lies in a folder."""
    return any((folder / name).is_file() for name in _LOADABLE_BY)


def require_free(folder: Path, overwrite: bool, resume: str | None) -> None:
    """Refuses to train into a folder with a finished model that nobody said may be replaced.

    Args:
        folder: Output folder of the run.
        overwrite: Whether the run starts anew.
        resume: The checkpoint that the run is to go on from, or "true" for the last one.

    Raises:
        ValueError: If there is a finished model and it is to be neither overwritten nor trained on.
    """
    if overwrite and resume is not None:
        raise ValueError("overwrite_output_dir starts anew and resume_from_checkpoint goes on: choose one of them.")
    if overwrite or not holds_model(folder):
        return
    if resume is None or (resume.lower() == "true" and not complete_checkpoints(folder)):
        raise ValueError(
            f"'{folder}' holds a finished model: choose another output_dir, train it anew with "
            "overwrite_output_dir=true, or go on from one of its checkpoints with resume_from_checkpoint."
        )


def unfinished_folder(folder: Path) -> Path:
    """An empty folder inside another, to write into before `finish`."""
    unfinished = folder / _UNFINISHED
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True, exist_ok=True)
    return unfinished


def finish(folder: Path) -> None:
    """Moves what stands in the folder's unfinished folder to its place.

    A model that was there before goes first, and what makes the new one loadable comes last: at no time can anyone
    load the weights of one with the config of the other.

    Args:
        folder: The folder that `unfinished_folder` was asked for.
    """
    unfinished = folder / _UNFINISHED
    for pattern in (*_LOADABLE_BY, "*.safetensors", "*.safetensors.index.json"):
        for path in folder.glob(pattern):
            path.unlink()
    for path in sorted(unfinished.iterdir(), key=lambda path: path.name in _LOADABLE_BY):
        path.replace(folder / path.name)
    unfinished.rmdir()
