"""Checkpoints that are complete or absent, whenever a run was killed."""

import json
import shutil
from pathlib import Path

from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

_UNFINISHED = ".unfinished"
"""Where a finished model is written before it takes its place."""


def is_complete(checkpoint: Path) -> bool:
    """Tells whether a checkpoint was written to its end: the trainer writes its state last.

    Args:
        checkpoint: Its folder.
    """
    try:
        json.loads((checkpoint / TRAINER_STATE_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return True


def complete_checkpoints(folder: Path) -> list[Path]:
    """The checkpoints of a run that were written to their end, the oldest first.

    Older checkpoints are removed only after that.

    Args:
        folder: Output folder of the run.
    """
    found = [path for path in folder.glob(f"{PREFIX_CHECKPOINT_DIR}-*") if is_complete(path)]
    return sorted(found, key=lambda path: int(path.name.rpartition("-")[2]))


def remove_unfinished(folder: Path) -> None:
    """Removes what a killed run left half written.

    Args:
        folder: Output folder of the run.
    """
    complete = complete_checkpoints(folder)
    for path in [*folder.glob(f"{PREFIX_CHECKPOINT_DIR}-*"), folder / _UNFINISHED]:
        if path not in complete:
            shutil.rmtree(path, ignore_errors=True)


def unfinished_folder(folder: Path) -> Path:
    """An empty folder inside another, to write into before `finish`."""
    unfinished = folder / _UNFINISHED
    unfinished.mkdir(parents=True, exist_ok=True)
    return unfinished


def finish(folder: Path) -> None:
    """Moves what stands in the folder's unfinished folder to its place; configs come last, for they make it loadable.

    Args:
        folder: The folder that `unfinished_folder` was asked for.
    """
    unfinished = folder / _UNFINISHED
    for path in sorted(unfinished.iterdir(), key=lambda path: path.name.endswith("config.json")):
        path.replace(folder / path.name)
    unfinished.rmdir()
