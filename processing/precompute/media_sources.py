"""Which pictures and clips there are: one file, a folder of them, or a column of a `datasets` data set."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ..image_loading import STILL_SUFFIXES
from .media_capturer import Media

CLIP_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".gif", ".flv", ".wmv", ".mpg", ".mpeg", ".ts", ".3gp", ".ogv"}
)
_TABLES = {".parquet": "parquet", ".jsonl": "json", ".json": "json"}
_SAVED = "dataset_info.json"
"""What `Dataset.save_to_disk` leaves in a folder."""


@dataclass(frozen=True)
class MediaItem:
    """One picture or clip to capture.

    Attributes:
        name: What people call it: its path, or its row.
        load: Returns it; called when it is its turn.
    """

    name: str
    load: Callable[[], Media]


def list_media(source: str | os.PathLike[str], column: str | None = None) -> list[MediaItem]:
    """List pictures and clips in an order that is the same each time.

    Args:
        source: A picture or clip; a folder that is searched for them recursively, by their suffixes; or, with
            `column`, a data set: a parquet or jsonl file, a folder of them, or what `Dataset.save_to_disk` wrote.
        column: The column with paths (relative ones count from the data set's folder), bytes, or what `datasets`
            makes of them.

    Raises:
        FileNotFoundError: If there is no such file or folder, or nothing in it.
        ValueError: If the data set has no such column, or a table comes without one.
        ImportError: If a data set is named and `datasets` is not installed.
    """
    path = Path(source)
    if not path.exists():
        raise FileNotFoundError(f"There is no file or folder '{path}'.")
    if column is not None:
        return _list_rows(path, column)
    if path.suffix.lower() in _TABLES or (path / _SAVED).is_file():
        raise ValueError(f"'{path}' is a data set: name the column with the pictures or clips.")
    if path.is_file():
        return [MediaItem(str(path), partial(str, path))]
    suffixes = STILL_SUFFIXES | CLIP_SUFFIXES
    files = sorted(file for file in path.rglob("*") if file.suffix.lower() in suffixes and file.is_file())
    if not files:
        raise FileNotFoundError(f"There is no picture or clip in '{path}' (a data set needs its column's name).")
    return [MediaItem(str(file), partial(str, file)) for file in files]


def take_shard(items: Sequence[MediaItem], index: int, count: int) -> list[MediaItem]:
    """Return every `count`-th item from `index` on (0 to count - 1).

    Raises:
        ValueError: If there is no such shard.
    """
    if not 0 <= index < count:
        raise ValueError(f"A shard i/n has i from 0 to n - 1; there is no shard {index}/{count}.")
    return list(items[index::count])


def _list_rows(path: Path, column: str) -> list[MediaItem]:
    rows = _open_data_set(path)
    if column not in rows.column_names:
        raise ValueError(f"'{path}' has no column {column!r}; it has {', '.join(rows.column_names)}.")
    rows = _undecoded(rows.select_columns(column), column)
    folder = path if path.is_dir() else path.parent
    load = partial(_load_row, rows, column, folder)
    return [MediaItem(f"{path} row {number}", partial(load, number)) for number in range(len(rows))]


def _open_data_set(path: Path) -> Any:
    try:
        import datasets
    except ImportError as error:
        raise ImportError(f"Data sets need more packages (pip install 'emotion-qwen[train]'): {error}.") from error
    if (path / _SAVED).is_file():
        return datasets.load_from_disk(str(path))
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.suffix in _TABLES)
    # Parquet goes first: a json file beside it is most likely about the data set.
    suffix = min((file.suffix for file in files), key=list(_TABLES).index, default=None)
    if suffix is None:
        raise FileNotFoundError(f"There is no data set in '{path}': no {', '.join(_TABLES)} file.")
    named = [str(file) for file in files if file.suffix == suffix]
    return datasets.load_dataset(_TABLES[suffix], data_files=named, split="train")


def _undecoded(rows: Any, column: str) -> Any:
    """Have `datasets` hand out files as they are: they are decoded here, as the processor does it."""
    import datasets

    feature = rows.features[column]
    if isinstance(feature, datasets.Image | datasets.Video):
        return rows.cast_column(column, type(feature)(decode=False))
    return rows


def _load_row(rows: Any, column: str, folder: Path, number: int) -> Media:
    media = rows[number][column]
    if isinstance(media, str):
        return str(folder / media)
    if isinstance(media, dict) and media.get("bytes") is None and media.get("path"):
        return {**media, "path": str(folder / media["path"])}
    return media
