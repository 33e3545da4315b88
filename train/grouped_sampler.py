"""Batches of samples that are alike: pictures of one size need no padding."""

from collections.abc import Iterator

import torch
from torch.utils.data import Sampler


class GroupedSampler(Sampler[int]):
    """Draws samples in a random order in which every batch comes from one group.

    Args:
        groups: The group of each sample.
        batch_size: Samples in a batch; the last ones of a group that don't fill a batch wait for another epoch.
        seed: Of the order; each epoch has its own.
    """

    def __init__(self, groups: list[int], batch_size: int, seed: int) -> None:
        self.batch_size = batch_size
        self.generator = torch.Generator().manual_seed(seed)
        numbers = torch.tensor(groups)
        self.members = [torch.nonzero(numbers == group).flatten() for group in sorted(set(groups))]

    def __len__(self) -> int:
        return sum(len(members) // self.batch_size for members in self.members) * self.batch_size

    def __iter__(self) -> Iterator[int]:
        batches: list[torch.Tensor] = []
        for members in self.members:
            shuffled = members[torch.randperm(len(members), generator=self.generator)]
            whole = len(members) // self.batch_size * self.batch_size
            batches += shuffled[:whole].split(self.batch_size) if whole else []
        for number in torch.randperm(len(batches), generator=self.generator).tolist():
            yield from batches[number].tolist()
