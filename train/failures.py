"""What stops long runs from outside, said in one sentence that tells what to change."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import torch


class TrainingError(RuntimeError):
    """A run ended for want of something; the message is one sentence that tells what to change."""


@contextmanager
def explained(output_dir: str) -> Iterator[None]:
    """Turns a full disk and a full memory into a `TrainingError`.

    Args:
        output_dir: Where the run writes.

    Raises:
        TrainingError: In place of those two; anything else passes.
    """
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise TrainingError(
            "The memory is full: lower per_device_train_batch_size (and raise gradient_accumulation_steps), set "
            "gradient_checkpointing to true, or choose smaller pictures or fewer frames in the processor."
        ) from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise TrainingError(
            f"The disk is full while writing to '{output_dir}': free some space, lower save_total_limit or choose "
            "another output_dir, and start the same command again: it goes on from the last complete checkpoint."
        ) from error
