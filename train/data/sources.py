"""The sources of a recipe's `data:`, each of which gives samples by number, or one after the other."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from datasets import Dataset

from emotion_qwen.inference.label_sets import LabelSet, find_label_set
from emotion_qwen.inference.prompts import LANGUAGES
from emotion_qwen.train.rendered_conversations import RenderedConversations

from .entries import Entry, Message, SampleError, entry_label, entry_messages, media_parts
from .readers import READERS, Reader, did_you_mean

RENDERED = "rendered"
"""The reader of what `synthetic.data_set` wrote: a `rendered_conversations.DataSource`."""

Sample = dict[str, Any]
"""`messages`, and where faces were captured before, `face_captures`."""


@dataclass(frozen=True)
class Outline:
    """What is known of a sample before anything of it is decoded.

    Attributes:
        media: Kind and path of each picture and clip; the path is None where it is not a file.
        label: Its label, where it has one of a set.
        fault: Why it is no sample; None if it is one.
    """

    media: tuple[tuple[str, str | None], ...] = ()
    label: str | None = None
    fault: str | None = None


class Source(Protocol):
    """One part of the training data.

    Attributes:
        name: What messages call it.
        weight: Its share of the draws relative to the other sources'; None: each of its samples once in an epoch.
    """

    name: str
    weight: float | None

    def __len__(self) -> int:
        """Number of its samples."""
        ...

    def sample(self, index: int, visit: int) -> Sample:
        """Draw a sample; what it is depends on the source's seed and these two numbers alone.

        Raises:
            SampleError: If it is none.
        """
        ...

    def samples(self, visit: int) -> Iterator[tuple[int, Any]]:
        """Yield numbers and what `sample_of` makes a sample of, for data that is read as it goes."""
        ...

    def sample_of(self, drawn: Any, index: int, visit: int) -> Sample:
        """Make a sample of what `samples` gave."""
        ...

    def outlines(self) -> Iterator[Outline]:
        """Yield what is known of each sample before decoding."""
        ...


@dataclass(frozen=True)
class SourceSettings:
    """What a recipe says of a source of files.

    Attributes:
        reader: Name of one of `READERS`.
        path: File or folder.
        name: What messages call it; reader and path by default.
        weight: See `Source`.
        label_set: Name of a label set, or a list of labels; by default the data set's own, and for one's own files
            the labels that are found in them.
        languages: Of questions and label names; each visit of a sample draws one.
        face_captures: Folder with a stored `FaceCapture` for each picture and clip, `{name without suffix}.json`.
        options: What the reader can be told besides: `split`, `fold`, `media`, …
    """

    reader: str
    path: str
    name: str = ""
    weight: float | None = None
    label_set: str | Sequence[str] | None = None
    languages: Sequence[str] = ("en",)
    face_captures: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = [language for language in self.languages if language not in LANGUAGES]
        if unknown or not self.languages:
            raise ValueError(f"languages must be of {', '.join(LANGUAGES)}, not {list(self.languages)}.")
        if not self.name:
            object.__setattr__(self, "name", f"{self.reader} {self.path}")

    @classmethod
    def parse(cls, settings: Mapping[str, Any]) -> "SourceSettings":
        """Read an item of a recipe's `data:`.

        Args:
            settings: `reader`, `path`, further fields of this class, and options of the reader.

        Raises:
            ValueError: If the reader or a key is unknown (names the nearest known one), or the path is missing.
        """
        reader = READERS.get(settings.get("reader"))
        if reader is None:
            readers = [*READERS, RENDERED]
            name = str(settings.get("reader"))
            raise ValueError(
                f"There is no reader {name!r}; known are {', '.join(readers)}.{did_you_mean(name, readers)}"
            )
        if not settings.get("path"):
            raise ValueError(f"The source with the reader {settings['reader']!r} needs a path.")
        own = {item.name for item in fields(cls)} - {"options"}
        for key in settings:
            if key not in own and key not in reader.options:
                known = [*own, *reader.options]
                raise ValueError(
                    f"The reader {settings['reader']!r} can't be told {key!r}; known are {', '.join(sorted(known))}."
                    f"{did_you_mean(key, known)}"
                )
        options = {key: value for key, value in settings.items() if key not in own}
        return cls(**{key: value for key, value in settings.items() if key in own}, options=options)


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
        entries = read if isinstance(read, Sequence) else _Table(read)
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


class RenderedSource:
    """What `synthetic.data_set` wrote, with views, light and questions drawn anew for each sample.

    Args:
        settings: Fields of a `rendered_conversations.DataSource`, and `weight` and `name`.
        seed: Of all draws.
    """

    def __init__(self, settings: Mapping[str, Any], seed: int) -> None:
        drawn = {key: value for key, value in settings.items() if key not in ("reader", "weight", "name")}
        self.name = settings.get("name") or f"{RENDERED} {settings.get('folder')}"
        self.weight = settings.get("weight")
        self.conversations = RenderedConversations([drawn], seed)

    def __len__(self) -> int:
        return len(self.conversations.groups)

    def sample(self, index: int, visit: int) -> Sample:
        """See `Source.sample`. A sample is the same at each visit: more variety comes from more samples."""
        del visit
        try:
            return self.conversations.draw(index)
        except OSError as error:
            raise SampleError(str(error)) from error

    def samples(self, visit: int) -> Iterator[tuple[int, int]]:
        """See `Source.samples`."""
        del visit
        yield from ((index, index) for index in range(len(self)))

    def sample_of(self, drawn: int, index: int, visit: int) -> Sample:
        """See `Source.sample_of`."""
        del drawn
        return self.sample(index, visit)

    def outlines(self) -> Iterator[Outline]:
        """Yield an outline of each record, from which samples are drawn."""
        (source,), (records,) = self.conversations.sources, self.conversations.records
        for record in records:
            path = os.path.join(source.folder, record["media"])
            yield Outline(((record["kind"], path),), record.get("label"))


class _Table(Sequence[Entry]):
    """Entries in one Arrow table, as JSON: small, and shared by workers without copies.

    Args:
        entries: Each JSON can keep.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.rows = Dataset.from_dict({"entry": [json.dumps(entry, ensure_ascii=False) for entry in entries]})

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Entry:
        if not 0 <= index < len(self.rows):
            raise IndexError(index)
        return json.loads(self.rows[index]["entry"])


def _stated_set(settings: SourceSettings, reader: Reader) -> LabelSet | None:
    stated = settings.label_set or reader.label_set
    if stated is None:
        return None
    return find_label_set(stated) if isinstance(stated, str) else LabelSet(settings.name, tuple(map(str, stated)))


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
