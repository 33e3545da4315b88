"""A mixture that is read as it goes: for data too large to be listed beforehand."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from datasets import IterableDataset

from emotion_qwen.processing import EmotionQwenProcessor, MediaError

from .broken_samples import BROKEN_WINDOW, BrokenSamples
from .decoding import SampleDecoder
from .entries import SampleError
from .source import Sample, Source
from .sources import build_sources


class StreamedMixture:
    """Samples of several sources without end: a source that is read to its end is read again, in another order.

    The order depends on the seed alone. Each data-loader worker of each process goes through all entries, which is
    cheap, and decodes its own part of the samples: together they decode each draw once.

    Args:
        sources: Each with a weight, if there are several.
        seed: Of the order.
        decode: Reads the media of a sample.
        max_broken_share: Largest share of broken samples, from 0 to below 1.
        shuffle_buffer: Entries of a source among which the next one is drawn; each worker holds so many of each.

    Raises:
        ValueError: If one of several sources has no weight, or the buffer holds nothing.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        seed: int,
        decode: Callable[[Sample], Sample],
        max_broken_share: float,
        shuffle_buffer: int,
    ) -> None:
        if shuffle_buffer < 1:
            raise ValueError(f"shuffle_buffer must be above 0, not {shuffle_buffer}.")
        self.sources = list(sources)
        self.shares = stream_shares(sources)
        self.seed = seed
        self.decode = decode
        self.broken = BrokenSamples(max_broken_share, BROKEN_WINDOW)
        self.shuffle_buffer = shuffle_buffer

    def as_data_set(self, workers: int) -> IterableDataset:
        """The samples as the trainer takes them.

        Args:
            workers: Data-loader workers of all processes together, each of which decodes a part; with 0 the process
                itself decodes all.

        Returns:
            Rows of `messages` with pixels, and `face_captures`, which may be None; in as many shards as there are
            workers.
        """
        parts = max(1, workers)
        return IterableDataset.from_generator(self.samples, gen_kwargs={"parts": list(range(parts)), "of": parts})

    def samples(self, parts: Sequence[int] = (0,), of: int = 1) -> Iterator[Sample]:
        """Yield samples.

        Args:
            parts: Which of every so many draws are wanted, numbers below `of`.
            of: So many.

        Raises:
            BrokenDataError: If too many samples are broken.
        """
        for place, (source, drawn, index, visit) in enumerate(self._draws()):
            if place % of not in parts:
                continue
            try:
                sample = self.decode(source.sample_of(drawn, index, visit))
            except (SampleError, MediaError) as error:
                self.broken.count_broken(source.name, error)
                continue
            self.broken.count_sound()
            yield {"messages": sample["messages"], "face_captures": sample.get("face_captures")}

    def _draws(self) -> Iterator[tuple[Source, Any, int, int]]:
        rng = np.random.default_rng(self.seed)
        streams = [
            _shuffled(source, [self.seed, number], self.shuffle_buffer) for number, source in enumerate(self.sources)
        ]
        while True:
            number = int(rng.choice(len(self.sources), p=self.shares))
            yield self.sources[number], *next(streams[number])


def build_stream(
    data: Sequence[Any],
    processor: EmotionQwenProcessor,
    seed: int,
    max_broken_share: float,
    shuffle_buffer: int,
) -> StreamedMixture:
    """Make the data of a recipe, to be read as it is needed.

    Args:
        data: The items of its `data:`; see `build_source`.
        processor: Decodes the media.
        seed: Of all draws.
        max_broken_share: Largest share of broken samples, from 0 to below 1.
        shuffle_buffer: See `StreamedMixture`.

    Raises:
        ValueError: If there is no source, or one can't be read as the recipe says, or has no weight and needs one.
    """
    sources = build_sources(data, seed, processor, streaming=True)
    return StreamedMixture(sources, seed, SampleDecoder(processor), max_broken_share, shuffle_buffer)


def stream_shares(sources: Sequence[Source]) -> np.ndarray:
    """The share of the draws that each source has.

    Args:
        sources: Each with a weight, if there are several.

    Returns:
        float64 (sources,), whose sum is 1.

    Raises:
        ValueError: If one of several sources has no weight.
    """
    weights = [source.weight if len(sources) > 1 else 1.0 for source in sources]
    if any(weight is None or weight <= 0 for weight in weights):
        raise ValueError("Each of several sources that are streamed needs a weight above 0.")
    return np.divide(weights, np.sum(weights))


def _shuffled(source: Source, seed: Sequence[int], size: int) -> Iterator[tuple[Any, int, int]]:
    """Yield what a source gives, its number and the visit, over and over, shuffled within a buffer of a size.

    Raises:
        ValueError: If the source gives nothing.
    """
    rng = np.random.default_rng(seed)
    buffer: list[tuple[Any, int, int]] = []
    visit = 0
    while True:
        index = -1
        for index, drawn in source.stream():
            buffer.append((drawn, index, visit))
            if len(buffer) >= size:
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
