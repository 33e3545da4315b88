"""Data sets with TRL's columns: `messages`, or `prompt` and `completion`, and `image(s)` or `video(s)` beside them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from datasets import Dataset, DatasetDict, IterableDataset, load_dataset, load_from_disk

from emotion_qwen.processing.first_line import first_line

from .entries import MEDIA_KINDS, Entry, Message, Part, SampleError, checked_messages, fault, media_parts
from .text_files import read_json_records

_BUILDERS = {".parquet": ("parquet", "a Parquet table"), ".arrow": ("arrow", "an Arrow table")}
_JSON_SUFFIXES = (".json", ".jsonl")

_HUB_PARTS = 2
"""Of a data set's name on the Hub, such as `owner/name`."""

TABLE_SUFFIXES = (*_BUILDERS, *_JSON_SUFFIXES)
"""Of the files that it reads."""


def read_trl(
    path: Path, *, media: Path | None = None, split: str = "train", streaming: bool = False
) -> "TrlRows | Iterator[Entry]":
    """Read a data set in one of TRL's conversational or plain formats.

    Args:
        path: A file (Parquet, Arrow, JSON, JSON lines), a folder of such, one that `Dataset.save_to_disk` wrote, or
            the name of a data set on the Hub.
        media: The folder that paths of media are relative to; the file's own, or the folder, by default.
        split: Which part of the data set.
        streaming: Whether it is read as it goes, without a copy on disk.

    Raises:
        FileNotFoundError: If there is no such data set.
        ValueError: If it can't be read, has no such columns, or no such split.
    """
    root = media or (path.parent if path.is_file() else path)
    if path.suffix in _JSON_SUFFIXES:
        # The library wants all rows of one shape, and some JSON that is none of it crashes the process.
        return _entries(read_json_records(path), root, path)
    rows = _load(path, split, streaming)
    columns = set(rows.column_names or ())
    if "messages" not in columns and not {"prompt", "completion"} <= columns:
        raise ValueError(f"'{path}' {_no_conversation(columns)}.")
    if isinstance(rows, Dataset):
        return TrlRows(rows, root, path)
    return _entries(_streamed(rows, path), root, path)


def _load(path: Path, split: str, streaming: bool) -> Dataset | IterableDataset:
    if (path / "dataset_dict.json").is_file() or (path / "state.json").is_file():
        with _readable(path, "a data set that `save_to_disk` wrote"):
            rows = load_from_disk(str(path))
        if isinstance(rows, DatasetDict):
            if split not in rows:
                raise ValueError(f"'{path}' has no split {split!r}; it has {', '.join(rows)}.")
            rows = rows[split]
        return rows.to_iterable_dataset() if streaming else rows
    if path.is_file():
        if path.suffix not in _BUILDERS:
            raise ValueError(f"'{path}' is none of {', '.join(TABLE_SUFFIXES)}.")
        builder, what = _BUILDERS[path.suffix]
        with _readable(path, what):
            # The files have no splits of their own: all of a file is its "train".
            return load_dataset(builder, data_files=str(path), split="train", streaming=streaming)
    if not path.exists() and (path.is_absolute() or len(path.parts) > _HUB_PARTS):
        raise FileNotFoundError(f"There is no data set at '{path}'.")
    with _readable(path, "a data set here or on the Hub"):
        return load_dataset(str(path), split=split, streaming=streaming)


def _streamed(rows: IterableDataset, path: Path) -> Iterator[Any]:
    with _readable(path, "a data set"):
        yield from rows.decode(False)


def _entries(rows: Iterable[Any], root: Path, path: Path) -> Iterator[Entry]:
    for number, row in enumerate(rows):
        yield row_entry(row, root, f"Row {number} of '{path}'")


@contextmanager
def _readable(path: Path, what: str) -> Iterator[None]:
    """Turn whatever the library raises, which is whatever the reader of some format raises, into one sentence."""
    try:
        yield
    except Exception as error:
        reason = first_line(error.__cause__ or error).removesuffix(".")
        raise ValueError(f"'{path}' can't be read as {what}: {reason}.") from error


class TrlRows(Sequence[Entry]):
    """The rows of a data set as entries, each made when it is asked for; pictures in it stay undecoded till then.

    Args:
        rows: With TRL's columns.
        root: What paths of media are relative to.
        path: Where they are from, for what is said about one.
    """

    def __init__(self, rows: Dataset, root: Path, path: Path) -> None:
        self.rows = rows.with_format("arrow")  # as it is stored: a broken picture must not break the reading of a row
        self.root = root
        self.path = path

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Entry:
        if not 0 <= index < len(self.rows):
            raise IndexError(index)
        return row_entry(self.rows[index].to_pylist()[0], self.root, f"Row {index} of '{self.path}'")


def row_entry(row: Any, root: Path, name: str) -> Entry:
    """Turn one row into an entry.

    Args:
        row: With TRL's columns; media are paths, bytes (`{"bytes", "path"}`) or, for a clip, a list of frames.
        root: What paths are relative to.
        name: Of the row, for what is said about it.
    """
    try:
        if not isinstance(row, Mapping):
            raise SampleError("it is no JSON object.")
        messages = checked_messages(_conversation(row))
        _fill(messages, {kind: [_located(item, root) for item in _column(row, kind)] for kind in MEDIA_KINDS})
    except SampleError as error:
        return fault(f"{name}: {error}")
    captures = row.get("face_captures")
    return {"messages": messages, **({"face_captures": captures} if captures else {})}


def _conversation(row: Mapping[str, Any]) -> list[Message]:
    if row.get("messages"):
        return _listed(row["messages"], "messages")
    prompt, completion = row.get("prompt"), row.get("completion")
    if not prompt or not completion:
        raise SampleError(f"it {_no_conversation(key for key, value in row.items() if value)}.")
    return [*_said(prompt, "user"), *_said(completion, "assistant")]


def _said(text: Any, role: str) -> list[Message]:
    return [{"role": role, "content": text}] if isinstance(text, str) else _listed(text, "messages")


def _listed(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise SampleError(f"there is no list of {what}, but {value!r:.80}.")
    return list(value)


def _no_conversation(columns: Iterable[str]) -> str:
    return f"has neither `messages` nor `prompt` and `completion`; it has {', '.join(sorted(columns)) or 'nothing'}"


def _column(row: Mapping[str, Any], kind: str) -> list[Any]:
    many, one = row.get(f"{kind}s"), row.get(kind)
    if isinstance(many, str):
        return [many]
    return _listed(many, f"{kind}s") if many else [] if one is None else [one]


def _located(item: Any, root: Path) -> Any:
    if isinstance(item, str):
        return item if "://" in item else str(root / item)
    if isinstance(item, Mapping) and item.get("bytes") is None:
        return _located(item.get("path") or "", root)
    return [_located(frame, root) for frame in item] if isinstance(item, list) else item


def _fill(messages: list[Message], waiting: dict[str, list[Any]]) -> None:
    """Give each part that shows a medium without saying which the next one; without such parts they come first.

    Paths that the messages name themselves stay as they are.
    """
    shown = list(media_parts(messages))
    for kind, items in waiting.items():
        empty = [part for part in shown if part["type"] == kind and not _names_medium(part)]
        if not empty and items:
            first = next((message for message in messages if message["role"] == "user"), messages[0])
            first["content"][:0] = [{"type": kind, kind: item} for item in items]
        elif len(empty) != len(items):
            raise SampleError(f"it shows {len(empty)} of the kind {kind} and has {len(items)}.")
        else:
            for part, item in zip(empty, items, strict=True):
                part[kind] = item


def _names_medium(part: Part) -> bool:
    return any(part.get(key) is not None for key in (part["type"], "url", "path"))
