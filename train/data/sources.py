"""The sources of a recipe's `data:`."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from emotion_qwen.inference.label_sets import LabelSet, find_label_set

from .entries import Entry, Message, SampleError, entry_label, entry_messages, media_parts
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
        streaming: Whether the files are read as they are needed; samples then have no numbers, and one's own labels
            must be given.

    Raises:
        ValueError: If the label set is unknown, or is needed and missing.
    """

    def __init__(self, settings: SourceSettings, seed: int, streaming: bool = False) -> None:
        self.settings = settings
        self.name = settings.name
        self.weight = settings.weight
        self.seed = seed
        self.streaming = streaming
        self.reader: Reader = READERS[settings.reader]
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
        """How labels are read; None for conversations."""
        if self._stated_set is not None or not self.reader.has_labels:
            return self._stated_set
        found = sorted({entry["label"].strip() for entry in self.entries if "label" in entry})
        return LabelSet(self.name, tuple(found))

    def sample(self, index: int, visit: int) -> Sample:
        """See `Source.sample`."""
        return self.sample_of(self.entries[index], index, visit)

    def samples(self, visit: int) -> Iterator[tuple[int, Entry]]:
        """See `Source.samples`."""
        del visit  # the files are the same each time
        yield from enumerate(self.read())

    def sample_of(self, drawn: Entry, index: int, visit: int) -> Sample:
        """See `Source.sample_of`."""
        languages = self.settings.languages
        language = languages[int(np.random.default_rng([self.seed, index, visit]).integers(len(languages)))]
        messages = entry_messages(drawn, self.label_set, language)
        captures = drawn.get("face_captures") or self._stored_captures(messages)
        return {"messages": messages, **({"face_captures": captures} if captures else {})}

    def outlines(self) -> Iterator[Outline]:
        """See `Source.outlines`."""
        for index, entry in enumerate(self.read() if self.streaming else self.entries):
            try:
                messages = self.sample_of(entry, index, 0)["messages"]
                yield Outline(_named_media(messages), entry_label(entry, self.label_set))
            except SampleError as error:
                yield Outline(fault=str(error))

    def _stored_captures(self, messages: list[Message]) -> list[dict[str, Any] | None]:
        if self.settings.face_captures is None:
            return []
        folder = Path(self.settings.face_captures)
        return [_stored_capture(folder, path) for _, path in _named_media(messages)]


def build_source(settings: Mapping[str, Any], seed: int, streaming: bool = False) -> Source:
    """Make a source of an item of a recipe's `data:`.

    Args:
        settings: `{reader: …, path: …, …}`; see `SourceSettings`, and `RenderedSource` for `reader: rendered`.
        seed: Of its draws.
        streaming: Whether files are read as they are needed.

    Raises:
        ValueError: If something in it is unknown or missing.
    """
    if not isinstance(settings, Mapping):
        raise ValueError(f"A source in `data` must be a mapping with a reader and a path, not {settings!r}.")
    if settings.get("reader") == RENDERED:
        return RenderedSource(settings, seed)
    return FileSource(SourceSettings.parse(settings), seed, streaming)


def _stated_set(settings: SourceSettings, reader: Reader) -> LabelSet | None:
    stated = settings.label_set or reader.label_set
    if stated is None:
        return None
    return find_label_set(stated) if isinstance(stated, str) else LabelSet(settings.name, tuple(map(str, stated)))


def _named_media(messages: list[Message]) -> tuple[tuple[str, str | None], ...]:
    """Kind and path of the media of messages; the path is None for bytes, frames and addresses of data."""
    media = []
    for part in media_parts(messages):
        source = next((part[key] for key in (part["type"], "url", "path") if part.get(key) is not None), None)
        media.append((part["type"], source if isinstance(source, str) else None))
    return tuple(media)


def _stored_capture(folder: Path, path: str | None) -> dict[str, Any] | None:
    file = folder / f"{Path(path).stem}.json" if path else None
    if file is None or not file.is_file():
        return None
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise SampleError(f"'{file}' is no stored FaceCapture: {error}.") from error
