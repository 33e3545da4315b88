"""Counting, naming and skipping what is broken, up to a share at which the run stops."""

import logging

import torch
from torch.utils.data import get_worker_info

logger = logging.getLogger(__name__)

_MAX_WORKERS = 256
BROKEN_WINDOW = 1000
"""Samples that the share of broken ones is taken of at least, where there are so many."""


class BrokenDataError(ValueError):
    """More of the data is broken than the recipe allows; the message is one sentence for a person."""

    def __init__(self, message: str) -> None:
        # A data-loader worker's error arrives as the text of its traceback: what it says comes last.
        super().__init__(message.rpartition(f"{type(self).__name__}: ")[2].strip())


class BrokenSamples:
    """The tally of one process and its data-loader workers.

    Args:
        max_share: Largest share of broken samples among those drawn, from 0 to below 1.
        window: The share is taken of at least so many: a few early ones don't stop a long run.

    Raises:
        ValueError: If one of them is out of its range.
    """

    def __init__(self, max_share: float, window: int) -> None:
        if not 0 <= max_share < 1:
            raise ValueError(f"max_broken_share must be from 0 to below 1, not {max_share}.")
        self.max_share = max_share
        self.window = window
        self.counts = torch.zeros(_MAX_WORKERS + 1, 2, dtype=torch.int64).share_memory_()
        """Drawn and broken samples; a row for the process itself and one for each of its workers."""
        self.named: set[str] = set()

    @property
    def drawn(self) -> int:
        """Samples that were drawn, broken ones included."""
        return int(self.counts[:, 0].sum())

    @property
    def broken(self) -> int:
        """How many of them were broken."""
        return int(self.counts[:, 1].sum())

    def count_sound(self) -> None:
        """Count a sample that could be read."""
        self._row()[0] += 1

    def count_broken(self, source: str, reason: Exception) -> None:
        """Count, and the first time name, a sample that could not.

        Args:
            source: Name of the part of the data that it is from.
            reason: What was wrong.

        Raises:
            BrokenDataError: If they are too many now.
        """
        row = self._row()
        row += 1
        sentence = f"{source}: {reason}"
        if sentence not in self.named:
            self.named.add(sentence)
            logger.warning("Skipped a broken sample of %s", sentence)
        if self.broken > self.max_share * max(self.drawn, self.window):
            raise BrokenDataError(
                f"{self.broken} of the {self.drawn} samples drawn so far are broken, more than the share of "
                f"{self.max_share:g} that max_broken_share allows; the last: {sentence} "
                "`emotion-qwen data check RECIPE --samples 1000000 --json` decodes all samples and lists them."
            )

    def _row(self) -> torch.Tensor:
        worker = get_worker_info()
        return self.counts[0 if worker is None else 1 + worker.id]
