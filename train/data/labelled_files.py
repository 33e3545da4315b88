"""One's own labelled clips and pictures: a table of paths and labels, or a folder for each label."""

import csv
from collections.abc import Iterator
from pathlib import Path

from .entries import Entry, fault, labelled
from .media_files import existing, list_media


def read_csv_rows(path: Path, columns: tuple[str, ...], delimiter: str = ",") -> Iterator[dict[str, str]]:
    """Yield the rows of a table with a header.

    Args:
        path: The file, UTF-8 with or without a byte order mark.
        columns: Those it must have.
        delimiter: What stands between two columns.

    Raises:
        ValueError: If a column is missing, or the file is no UTF-8.
    """
    with existing(path, "table").open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file, delimiter=delimiter, skipinitialspace=True)
        try:
            missing = [column for column in columns if column not in (rows.fieldnames or ())]
            if missing:
                there = ", ".join(rows.fieldnames or ())
                raise ValueError(f"'{path}' has no column {', '.join(map(repr, missing))}; it has {there}.")
            yield from rows
        except UnicodeDecodeError as error:
            raise ValueError(f"'{path}' is not in UTF-8: {error}.") from error


def read_csv(path: Path, *, media: Path | None = None) -> Iterator[Entry]:
    """Read a table `path,label[,text]`.

    Args:
        path: The file. `text` holds the words that go with a clip or picture.
        media: The folder that its paths are relative to; the file's own by default.
    """
    root = media or path.parent
    for number, row in enumerate(read_csv_rows(path, ("path", "label")), 2):
        if not row["path"] or not row["label"]:
            yield fault(f"Line {number} of '{path}' lacks its path or label.")
        else:
            source = row["path"] if "://" in row["path"] else str(root / row["path"])
            yield labelled(source, row["label"], row.get("text"))


def read_folder_per_label(path: Path) -> Iterator[Entry]:
    """Read the pictures and clips below a folder's folders; a folder's name is the label of all that is in it.

    Raises:
        ValueError: If there is no such picture or clip.
    """
    folders = sorted(folder for folder in existing(path, "folder").iterdir() if folder.is_dir())
    found = False
    for folder in folders:
        for media in list_media(folder):
            found = True
            yield labelled(str(media), folder.name)
    if not found:
        raise ValueError(f"'{path}' has no folders with pictures or clips in them.")
