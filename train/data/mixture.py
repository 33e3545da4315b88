"""Samples of several sources in one data set, drawn by number: the same seed and number give the same sample."""

import inspect
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from torch.utils.data import Sampler

from emotion_qwen.processing import EmotionQwenProcessor, MediaError

from .broken_samples import BROKEN_WINDOW, BrokenSamples
from .decoding import SampleDecoder
from .entries import SampleError
from .source import Sample, Source
from .sources import build_sources


class Mixture(torch.utils.data.Dataset):
    """The samples of several sources.

    An epoch has a fixed number of samples of each source. Over the epochs a source goes through all of its samples in
    a random order before it comes back to one: none is seen twice before each was seen once. A sample that is broken
    is counted, and another of the same source stands in for it.

    Args:
        sources: At least one.
        seed: Of the orders.
        decode: Reads the media of a sample.
        samples_per_epoch: By default as many as the sources have.
        max_broken_share: Largest share of broken samples, from 0 to below 1.

    Raises:
        ValueError: If only some of the sources have a weight, or a weight is not positive.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        seed: int,
        decode: Callable[[Sample], Sample],
        samples_per_epoch: int | None = None,
        max_broken_share: float = 0.0,
    ) -> None:
        self.sources = list(sources)
        self.seed = seed
        self.decode = decode
        total = sum(map(len, self.sources))
        self.counts = shares(self.sources, samples_per_epoch or total)
        self.groups = [number for number, count in enumerate(self.counts) for _ in range(count)]
        """The source of each sample of an epoch."""
        self.starts = np.cumsum([0, *self.counts]).tolist()
        self.broken = BrokenSamples(max_broken_share, min(BROKEN_WINDOW, total))

    def __len__(self) -> int:
        return len(self.groups)

    def __getitem__(self, index: int) -> Sample:
        """Draw a sample and decode its media.

        Args:
            index: Number of the sample in an epoch, plus the epoch times the length; see `EpochSampler`.

        Returns:
            `messages` with pixels, and where faces were captured before, `face_captures`.

        Raises:
            BrokenDataError: If too many samples are broken.
        """
        epoch, position = divmod(index, len(self))
        number = self.groups[position]
        drawn = epoch * self.counts[number] + position - self.starts[number]
        for source_index, visit in self._candidates(number, drawn):
            try:
                sample = self.decode(self.sources[number].sample(source_index, visit))
            except (SampleError, MediaError) as error:
                self.broken.count_broken(self.sources[number].name, error)
                continue
            self.broken.count_sound()
            return sample
        raise AssertionError("There are candidates without end.")

    def as_data_set(self, epochs: float) -> Dataset:
        """The samples as the trainer takes them: numbers, whose samples are drawn when they are asked for.

        Args:
            epochs: Of the run.

        Returns:
            A row of `messages` with pixels and `face_captures`, which may be None, for each sample of each epoch.
        """
        numbers = range(len(self) * math.ceil(epochs))
        rows = Dataset.from_dict({"sample": numbers})
        # The fingerprint that with_transform would make is of every record: half a minute for forty thousand samples.
        inspect.unwrap(Dataset.set_format)(rows, "custom", transform=self._draw_rows)
        return rows

    def _draw_rows(self, rows: dict[str, list[int]]) -> dict[str, list[Any]]:
        drawn = [self[index] for index in rows["sample"]]
        return {column: [sample.get(column) for sample in drawn] for column in ("messages", "face_captures")}

    def _candidates(self, number: int, drawn: int) -> Iterator[tuple[int, int]]:
        """Yield the sample that comes at a draw from a source, then others at random."""
        length = len(self.sources[number])
        visit, place = divmod(drawn, length)
        yield int(_order(self.seed, number, visit, length)[place]), visit
        for attempt in itertools.count():
            rng = np.random.default_rng([self.seed, number, drawn, attempt])
            yield int(rng.integers(length)), visit


class EpochSampler(Sampler[int]):
    """Turns the numbers of another sampler into those of the epoch's own samples of a `Mixture`.

    With it each epoch draws samples of its own. Without it all epochs draw those of the first.

    Args:
        sampler: Draws numbers below `length`; its `set_epoch` chooses the order.
        length: Of the mixture.
    """

    def __init__(self, sampler: Sampler[int], length: int) -> None:
        self.sampler = sampler
        self.length = length
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Chooses the epoch that comes next; the trainer calls it."""
        self.epoch = epoch
        self.sampler.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self.sampler)

    def __iter__(self) -> Iterator[int]:
        yield from (self.epoch * self.length + position for position in self.sampler)


def build_mixture(
    data: Sequence[Any],
    processor: EmotionQwenProcessor,
    seed: int,
    samples_per_epoch: int | None = None,
    max_broken_share: float = 0.0,
) -> Mixture:
    """Make the data of a recipe.

    Args:
        data: The items of its `data:` or `eval_data:`; see `build_source`.
        processor: Decodes the media.
        seed: Of all draws.
        samples_per_epoch: By default as many as the sources have.
        max_broken_share: Largest share of broken samples, from 0 to below 1.

    Raises:
        ValueError: If there is no source, or one can't be read as the recipe says.
    """
    sources = build_sources(data, seed, processor)
    return Mixture(sources, seed, SampleDecoder(processor), samples_per_epoch, max_broken_share)


def shares(sources: Sequence[Source], total: int) -> list[int]:
    """Divide the samples of an epoch among sources by their weights, or else by their lengths.

    Args:
        sources: With a weight each, or none at all.
        total: Samples of an epoch.

    Returns:
        Samples per source; they sum to `total`.

    Raises:
        ValueError: If only some of the sources have a weight, or a weight is not positive.
    """
    check_weights(sources)
    weights = [len(source) if source.weight is None else source.weight for source in sources]
    ends = np.rint(np.cumsum(weights) / np.sum(weights) * total).astype(int)
    return np.diff(ends, prepend=0).tolist()


def check_weights(sources: Sequence[Source]) -> None:
    """Make sure that sources can be mixed.

    Args:
        sources: With a weight each, or none at all.

    Raises:
        ValueError: If only some of the sources have a weight, or a weight is not positive.
    """
    if all(source.weight is None for source in sources):
        return
    without = [source.name for source in sources if source.weight is None or source.weight <= 0]
    if without:
        raise ValueError(f"Either each source of `data` has a weight above 0, or none has one; not so {without[0]}.")


@lru_cache(maxsize=32)  # a worker goes back and forth between the sources of a mixture
def _order(seed: int, source: int, visit: int, length: int) -> np.ndarray:
    return np.random.default_rng([seed, source, visit]).permutation(length)
