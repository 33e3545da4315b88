"""Files of stored faces: journals, in which a row is safe as soon as it is written, and parquet files made of them.

Nothing is ever half there. A parquet file gets its name once it is complete and on the disk. A line of a journal
counts only if its newline is there. A journal is deleted after the parquet file with its rows has its name, so a
reader that takes journals first and parquet files second sees every row.
"""

import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import uuid4

from .media_capturer import CaptureRow

JOURNAL, TABLE, PARTIAL = ".jsonl", ".parquet", ".partial"
ROW_GROUP_SIZE = 32
"""Rows that are read together: few, since a training run asks for one row at a time, in any order."""


def import_parquet() -> ModuleType:
    """Import pyarrow's parquet module.

    Raises:
        ImportError: If it is not installed; the message says what to install.
    """
    try:
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise ImportError(f"Stored faces need pyarrow (pip install 'emotion-qwen[train]'): {error}.") from error
    return parquet


class Journal:
    """A file that rows are appended to, each on the disk when `append` returns.

    Args:
        folder: Folder of the results of one recipe.
        owner: Beginning of the file's name: the shard of the run that writes it.
    """

    def __init__(self, folder: Path, owner: str) -> None:
        self.path = folder / f"{owner}-{uuid4().hex}{JOURNAL}"
        self.count = 0
        self._file = self.path.open("xb")
        sync_folder(folder)

    def append(self, row: CaptureRow) -> None:
        """Write a row."""
        self._file.write(json.dumps(row._asdict()).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self.count += 1

    def close(self) -> None:
        """Close the file; its rows stay."""
        self._file.close()


def read_journal(path: Path) -> list[CaptureRow]:
    """Read the complete rows of a journal, without a last one that a killed process left unfinished.

    Returns:
        The rows; none if the journal has become a parquet file in the meantime.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    return [CaptureRow(**json.loads(line)) for line in lines[:-1]]


def pack_journals(paths: Iterable[Path]) -> None:
    """Turn journals of one folder and owner into one parquet file, in which each content has one row."""
    paths = sorted(paths)
    rows = {row.content: row for path in paths for row in read_journal(path)}
    if rows:
        folder, owner = paths[0].parent, paths[0].name.rpartition("-")[0]
        write_table(folder / f"{owner}-{uuid4().hex}{TABLE}", rows.values())
    for path in paths:
        path.unlink()


def write_table(path: Path, rows: Iterable[CaptureRow]) -> None:
    """Write rows as a parquet file that appears whole.

    Raises:
        ImportError: If pyarrow is not installed.
    """
    parquet = import_parquet()
    import pyarrow

    columns = dict(zip(CaptureRow._fields, map(list, zip(*rows, strict=True)), strict=True))
    table = pyarrow.table({name: pyarrow.array(values, pyarrow.string()) for name, values in columns.items()})
    write_whole(path, lambda partial: parquet.write_table(table, partial, ROW_GROUP_SIZE, compression="zstd"))


def write_whole(path: Path, write: Callable[[Path], Any]) -> None:
    """Write a file under another name, flush it to the disk, and only then give it its own.

    Args:
        path: The file to write; one that is there is replaced.
        write: Writes the content to the path that it is given.
    """
    partial = path.with_name(f"{path.name}{PARTIAL}")
    write(partial)
    with partial.open("rb+") as file:
        os.fsync(file.fileno())
    partial.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def has_rows(folder: Path) -> bool:
    """Tell whether anything is stored in a folder."""
    return any(path.suffix in (JOURNAL, TABLE) for path in folder.iterdir())


def known_contents(folder: Path) -> set[str]:
    """Return the hash of every stored row in a folder."""
    contents = {row.content for path in sorted(folder.glob(f"*{JOURNAL}")) for row in read_journal(path)}
    return contents.union(*(read_contents(path) for path in sorted(folder.glob(f"*{TABLE}"))))


def read_contents(path: Path) -> list[str]:
    """Return the hash of every row of a parquet file, in its order."""
    return import_parquet().read_table(path, columns=["content"])["content"].to_pylist()
