"""Batches of samples that are alike: pictures of one size need no padding."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch.utils.data import Sampler


class GroupedSampler(Sampler[int]):
    """Draws samples in a random order in which every batch comes from one group.

    The order depends on the seed and the epoch alone, so that a run that is resumed sees what an undisturbed one does.

    Args:
        groups: The group of each sample.
        batch_size: Samples in a batch; the last batch of a group is filled up with samples that the epoch had already.
        seed: Of the order; each epoch has its own.
    """

    def __init__(self, groups: Sequence[int], batch_size: int, seed: int) -> None:
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0
        numbers = torch.tensor(groups)
        self.members = [torch.nonzero(numbers == group).flatten() for group in sorted(set(groups))]

    def set_epoch(self, epoch: int) -> None:
        """Chooses the epoch whose order comes next; the trainer calls it."""
        self.epoch = epoch

    def __len__(self) -> int:
        return sum(self._padded(len(members)) for members in self.members)

    def __iter__(self) -> Iterator[int]:
        (state,) = np.random.SeedSequence([self.seed, self.epoch]).generate_state(1, np.uint64)
        generator = torch.Generator().manual_seed(int(state >> np.uint64(1)))
        batches: list[torch.Tensor] = []
        for members in self.members:
            shuffled = members[torch.randperm(len(members), generator=generator)]
            filled = torch.arange(self._padded(len(members))) % len(members)
            batches += shuffled[filled].split(self.batch_size)
        for number in torch.randperm(len(batches), generator=generator).tolist():
            yield from batches[number].tolist()

    def _padded(self, length: int) -> int:
        return math.ceil(length / self.batch_size) * self.batch_size
