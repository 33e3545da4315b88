"""What stops long runs from outside, said in one sentence that tells what to change."""

import errno
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import torch
from safetensors import SafetensorError

_MEMORY = ("allocate memory", "not enough memory", "out of memory", "bad_alloc")
"""Parts of what torch says when there is no memory, on CPU and GPU, with no type for it."""
_KILLED = ("killed by signal: Killed", "exited unexpectedly")
"""Parts of what torch says when the system ended a data-loader worker."""
_SHARED_MEMORY = ("unable to write to file </torch_", "shared memory", "killed by signal: Bus error")
"""Parts of what torch says when data-loader workers can't hand over what they decoded."""
_DISK = ("No space left on device", "Disk quota exceeded", "inline_container.cc")
"""Parts of what safetensors and torch say when a file can't be written to its end, with no error number."""
_WORKER = re.compile(r"Caught \w+ in DataLoader worker process \d+\.\n")
"""How torch begins to tell of an error in a data-loader worker; the error's own words come last."""
_FULL = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


class TrainingError(RuntimeError):
    """A run ended for want of something; the message is one sentence that tells what to change."""


@contextmanager
def output_folder(output_dir: str) -> Iterator[None]:
    """Makes the folder that a run writes to, and takes it away again where the run fails before it wrote anything.

    Whether it can be written to is found out before the run, and not after hours of it.

    Args:
        output_dir: Where the run writes.

    Raises:
        TrainingError: If it can't.
    """
    folder = Path(output_dir)
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        _require_writable(folder)
        yield
    except BaseException:
        with suppress(OSError):  # of a folder in which something is
            for path in made:
                path.rmdir()
        raise


def _require_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        if error.errno in _FULL:
            raise
        raise _not_writable(str(folder), error) from error


@contextmanager
def explained(output_dir: str) -> Iterator[None]:
    """Turns a full disk, one that can't be written to and a full memory into a `TrainingError`.

    What went wrong in a data-loader worker is told by its own words instead of by its traceback.

    Args:
        output_dir: Where the run writes.

    Raises:
        TrainingError: In place of those; anything else passes.
    """
    try:
        yield
    except (OSError, MemoryError, RuntimeError, ValueError, SafetensorError) as error:
        explanation = _explanation(error, output_dir)
        if explanation is None:
            raise
        raise explanation from error


def _explanation(error: Exception, output_dir: str) -> TrainingError | None:
    said = str(error)
    if any(part in said for part in _SHARED_MEMORY):
        return TrainingError(
            "The shared memory that data-loader workers hand samples over in is full: enlarge /dev/shm, or lower "
            "dataloader_num_workers, and start the same command again: it goes on from the last complete checkpoint."
        )
    if any(part in said for part in _KILLED):
        return TrainingError(
            "A data-loader worker was killed, most often because the machine's memory is full: lower "
            "dataloader_num_workers or dataloader_prefetch_factor, and start the same command again: it goes on from "
            "the last complete checkpoint."
        )
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)) or any(part in said for part in _MEMORY):
        return TrainingError(
            "The memory is full: set gradient_checkpointing=true and start the same command again, which goes on from "
            "the last complete checkpoint; or lower per_device_train_batch_size (and raise "
            "gradient_accumulation_steps) or choose smaller pictures or fewer frames in the processor, and start anew "
            "with overwrite_output_dir=true. On held-out data it is per_device_eval_batch_size that counts."
        )
    if getattr(error, "errno", None) in _FULL or any(part in said for part in _DISK):
        return TrainingError(
            f"The disk is full while writing to '{output_dir}': free some space or lower save_total_limit, and "
            "start the same command again: it goes on from the last complete checkpoint."
        )
    if isinstance(error, OSError) and error.errno in _FORBIDDEN and _is_inside(error.filename, output_dir):
        return _not_writable(output_dir, error)
    if _WORKER.match(said):
        return TrainingError(said.strip().splitlines()[-1].partition(": ")[2])
    return None


def _not_writable(output_dir: str, error: OSError) -> TrainingError:
    return TrainingError(f"'{output_dir}' can't be written to ({error.strerror}): choose another output_dir.")


def _is_inside(path: str | bytes | None, folder: str) -> bool:
    """Whether a path is in a folder: a picture that can't be read is another matter."""
    if path is None:
        return False
    return Path(os.path.abspath(os.fsdecode(path))).is_relative_to(os.path.abspath(folder))
