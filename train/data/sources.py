"""The sources of a recipe's `data:`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from emotion_qwen.inference.label_sets import LabelSet, find_label_set
from emotion_qwen.processing import EmotionQwenProcessor, FaceCapture
from emotion_qwen.processing.precompute import FaceCaptureStore

from .entries import Entry, Message, Part, SampleError, entry_label, entry_messages, media_part, media_parts, medium_of
from .entry_table import EntryTable
from .readers import READERS, Reader
from .rendered_source import RenderedSource
from .source import Outline, Sample, Source
from .source_settings import RENDERED, SourceSettings


class FileSource:
    """Samples from files, by one of the readers.

    Args:
        settings: What the recipe says.
        seed: Of the draws of languages.
        processor: Stored faces must have been captured with its settings.
        streaming: Whether the files are read as they are needed; samples then have no numbers, and one's own labels
            must be given.

    Raises:
        FileNotFoundError: If no faces are stored where the settings say.
        ValueError: If the label set is unknown, or is needed and missing; if the faces were captured with other
            settings.
    """

    def __init__(
        self,
        settings: SourceSettings,
        seed: int,
        processor: EmotionQwenProcessor | None = None,
        streaming: bool = False,
    ) -> None:
        self.settings = settings
        self.name = settings.name
        self.weight = settings.weight
        self.seed = seed
        self.streaming = streaming
        self.reader: Reader = READERS[settings.reader]
        self.faces = FaceCaptureStore(settings.face_captures, processor) if settings.face_captures else None
        self._stated_set = _stated_set(settings, self.reader)
        if streaming and self._stated_set is None and self.reader.has_labels:
            raise ValueError(f"{self.name}: streaming needs a label_set, since not all labels are read beforehand.")

    def __len__(self) -> int:
        return len(self.entries)

    def read(self) -> Iterable[Entry]:
        """Read the files once more."""
        return self.reader.entries(Path(self.settings.path), self.settings.options, self.streaming)

    @cached_property
    def entries(self) -> Sequence[Entry]:
        """All entries by number.

        Raises:
            ValueError: If there is none.
        """
        read = self.read()
        entries = read if isinstance(read, Sequence) else EntryTable(read)
        if not len(entries):
            raise ValueError(f"{self.name}: there is no sample.")
        return entries

    @cached_property
    def label_set(self) -> LabelSet | None:
        """How labels are read; None for conversations.

        Raises:
            ValueError: If labels of one's own are fewer than two.
        """
        if self._stated_set is not None or not self.reader.has_labels:
            return self._stated_set
        written = sorted({entry["label"].strip() for entry in self.entries if "label" in entry}, reverse=True)
        found = sorted({label.lower(): label for label in written}.values())  # "Happy" and "happy" are one
        if len(found) < 2:
            labels = f"all labels are {found[0]!r}" if found else "no sample has a label"
            raise ValueError(
                f"{self.name}: {labels}, and a question lists at least two: name all of them as `label_set`."
            )
        return LabelSet(self.name, tuple(found))

    @property
    def labels(self) -> tuple[str, ...] | None:
        """See `Source.labels`."""
        return None if self.label_set is None else self.label_set.labels

    @property
    def open_questions(self) -> bool:
        """See `Source.open_questions`: what conversations ask is theirs."""
        return self.label_set is None

    def sample(self, index: int, visit: int) -> Sample:
        """See `Source.sample`."""
        return self.sample_of(self.entries[index], index, visit)

    def stream(self) -> Iterator[tuple[int, Entry]]:
        """See `Source.stream`."""
        yield from enumerate(self.read())

    def sample_of(self, drawn: Entry, index: int, visit: int) -> Sample:
        """See `Source.sample_of`."""
        languages = self.settings.languages
        language = languages[int(np.random.default_rng([self.seed, index, visit]).integers(len(languages)))]
        messages = entry_messages(drawn, self.label_set, language)
        captures = drawn.get("face_captures")
        if not captures and self.faces is not None:
            captures = [_stored_faces(self.faces, part) for part in media_parts(messages)]
        return {"messages": messages, **({"face_captures": captures} if captures else {})}

    def outlines(self) -> Iterator[Outline]:
        """See `Source.outlines`. Labels of one's own are not compared with the set that is made of them."""
        for entry in self.read() if self.streaming else self.entries:
            try:
                yield self._outline(entry)
            except SampleError as error:
                yield Outline(fault=str(error))

    def require_usable(self) -> None:
        """See `Source.require_usable`."""
        _ = self.label_set

    def _outline(self, entry: Entry) -> Outline:
        if "media" not in entry or self._stated_set is not None or "label" not in entry:
            messages = entry_messages(entry, self._stated_set, self.settings.languages[0])
            return Outline(_named_media(messages), entry_label(entry, self._stated_set))
        return Outline(_named_media([{"content": [media_part(entry["media"])]}]), entry["label"].strip())


def build_sources(
    data: Sequence[Any], seed: int, processor: EmotionQwenProcessor | None = None, streaming: bool = False
) -> list[Source]:
    """Make the sources of a recipe's `data:`, each with draws of its own; see `build_source`.

    Raises:
        ValueError: If there is none, or something in one is unknown or missing.
    """
    if not data:
        raise ValueError("The recipe's `data` names no source.")
    seeds = _seeds(seed, len(data))
    return [build_source(item, own_seed, processor, streaming) for item, own_seed in zip(data, seeds, strict=True)]


def build_source(
    settings: Mapping[str, Any], seed: int, processor: EmotionQwenProcessor | None = None, streaming: bool = False
) -> Source:
    """Make a source of an item of a recipe's `data:`.

    Args:
        settings: `{reader: …, path: …, …}`; see `SourceSettings`, and `RenderedSource` for `reader: rendered`.
        seed: Of its draws.
        processor: Stored faces must have been captured with its settings.
        streaming: Whether files are read as they are needed.

    Raises:
        ValueError: If something in it is unknown or missing.
    """
    if not isinstance(settings, Mapping):
        raise ValueError(f"A source in `data` must be a mapping with a reader and a path, not {settings!r}.")
    if settings.get("reader") == RENDERED:
        return RenderedSource(settings, seed)
    return FileSource(SourceSettings.parse(settings), seed, processor, streaming)


def _seeds(seed: int, count: int) -> list[int]:
    """A seed for each source: with one and the same, two sources of one folder would show the same media in turn."""
    return [int(state) for state in np.random.SeedSequence(seed).generate_state(count)]


def _stated_set(settings: SourceSettings, reader: Reader) -> LabelSet | None:
    stated = settings.label_set or reader.label_set
    if stated is None:
        return None
    return find_label_set(stated) if isinstance(stated, str) else LabelSet(settings.name, tuple(map(str, stated)))


def _named_media(messages: list[Message]) -> tuple[tuple[str, str | None], ...]:
    """Kind and path of the media of messages; the path is None for bytes and frames."""
    media = [(part["type"], medium_of(part)) for part in media_parts(messages)]
    return tuple((kind, medium if isinstance(medium, str) else None) for kind, medium in media)


def _stored_faces(faces: FaceCaptureStore, part: Part) -> FaceCapture | None:
    """The faces of a file or of its bytes; None for those of frames and addresses, which are captured in training."""
    medium = medium_of(part)
    if isinstance(medium, list) or (isinstance(medium, str) and "://" in medium):
        return None
    return faces.get(medium, part["type"])
