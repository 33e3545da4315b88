"""A mixture that is read as it goes: for data too large to be listed beforehand."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from torch.utils.data import IterableDataset, get_worker_info

from emotion_qwen.processing import MediaError

from .broken_samples import BrokenSamples
from .entries import Message, SampleError
from .sources import Sample, Source

SHUFFLE_BUFFER = 1000
"""Entries of a source among which the next one is drawn."""


class StreamedMixture(IterableDataset):
    """Samples of several sources without end: a source that is read to its end is read again, in another order.

    The order of entries depends on the seed alone. Each data-loader worker goes through all entries, which is cheap,
    and decodes its own share of the samples.

    Args:
        sources: Each with a weight, if there are several.
        seed: Of the order.
        decode: Reads the media of a sample's messages.
        broken: Counts what is broken.

    Raises:
        ValueError: If one of several sources has no weight.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        seed: int,
        decode: Callable[[list[Message]], list[Message]],
        broken: BrokenSamples,
    ) -> None:
        super().__init__()
        weights = [source.weight if len(sources) > 1 else 1.0 for source in sources]
        if any(weight is None or weight <= 0 for weight in weights):
            raise ValueError("Each of several sources that are streamed needs a weight above 0.")
        self.sources = list(sources)
        self.shares = np.divide(weights, np.sum(weights))
        self.seed = seed
        self.decode = decode
        self.broken = broken

    def __iter__(self) -> Iterator[Sample]:
        worker = get_worker_info()
        mine, workers = (0, 1) if worker is None else (worker.id, worker.num_workers)
        for place, (source, drawn, index, visit) in enumerate(self._draws()):
            if place % workers != mine:
                continue
            try:
                sample = source.sample_of(drawn, index, visit)
                sample = {**sample, "messages": self.decode(sample["messages"])}
            except (SampleError, MediaError) as error:
                self.broken.count_broken(source.name, error)
                continue
            self.broken.count_sound()
            yield sample

    def _draws(self) -> Iterator[tuple[Source, Any, int, int]]:
        rng = np.random.default_rng(self.seed)
        streams = [_shuffled(source, [self.seed, number]) for number, source in enumerate(self.sources)]
        while True:
            number = int(rng.choice(len(self.sources), p=self.shares))
            yield self.sources[number], *next(streams[number])


def _shuffled(source: Source, seed: Sequence[int]) -> Iterator[tuple[Any, int, int]]:
    """Yield what a source gives, its number and the visit, over and over, shuffled within a buffer.

    Raises:
        ValueError: If the source gives nothing.
    """
    rng = np.random.default_rng(seed)
    buffer: list[tuple[Any, int, int]] = []
    visit = 0
    while True:
        index = -1
        for index, drawn in source.samples(visit):
            buffer.append((drawn, index, visit))
            if len(buffer) > SHUFFLE_BUFFER:
                yield _take(buffer, rng)
        if index < 0:
            raise ValueError(f"{source.name}: there is no sample.")
        while buffer:
            yield _take(buffer, rng)
        visit += 1


def _take(buffer: list[Any], rng: np.random.Generator) -> Any:
    """Take one out at random; the last one fills its place."""
    place = int(rng.integers(len(buffer)))
    buffer[place], buffer[-1] = buffer[-1], buffer[place]
    return buffer.pop()
