"""Reading the text files of a data set: tables, lists and JSON, with one clear sentence where one can't be read."""

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from .media_files import existing_file


@contextmanager
def opened_text(path: Path, what: str) -> Iterator[TextIO]:
    """Open a file in UTF-8, with or without a byte order mark, whose line ends stay as they are.

    Args:
        path: The file.
        what: What it is, for the message.

    Raises:
        FileNotFoundError: If there is nothing at the path.
        ValueError: If it is a folder, or the file is empty or not in UTF-8.
    """
    existing_file(path, what)
    if not path.stat().st_size:
        raise ValueError(f"'{path}' is an empty file; a {what} was expected.")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield file
    except UnicodeDecodeError as error:
        raise ValueError(f"'{path}' is not in UTF-8, which a {what} must be: {error}.") from error


def read_csv_rows(path: Path, columns: tuple[str, ...], delimiter: str = ",") -> Iterator[dict[str, str]]:
    """Yield the rows of a table with a header; what a short row lacks is "".

    Args:
        path: The file.
        columns: Those it must have.
        delimiter: What stands between two columns.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a column is missing, or the file is no such table.
    """
    what = f"table with the columns {delimiter.join(columns)}"
    with opened_text(path, what) as file:
        rows = csv.DictReader(file, delimiter=delimiter, skipinitialspace=True, restval="")
        try:
            missing = [column for column in columns if column not in (rows.fieldnames or ())]
            if missing:
                there = ", ".join(rows.fieldnames or ())
                raise ValueError(f"'{path}' has no column {', '.join(map(repr, missing))}; it has {there}.")
            yield from rows
        except csv.Error as error:
            raise ValueError(f"'{path}' can't be read as a {what}: {error}.") from error


def read_pairs(path: Path) -> Iterator[tuple[str, str]]:
    """Yield name and label from lines of two words; the label is "" where there is only one.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no such list.
    """
    what = "list of names and labels"
    with opened_text(path, what) as file:
        try:
            for row in csv.reader(file, delimiter=" ", skipinitialspace=True):
                if row:
                    yield row[0], row[1] if len(row) > 1 else ""
        except csv.Error as error:
            raise ValueError(f"'{path}' can't be read as a {what}: {error}.") from error


def read_json_records(path: Path) -> Iterator[Any]:
    """Yield the records of a JSON list, or of a file with one JSON object a line, which is read as it goes.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is neither.
    """
    what = "JSON file (a list of samples, or one on each line)"
    with opened_text(path, what) as file:
        by_line = path.suffix == ".jsonl" or file.read(1) == "{"
        file.seek(0)
        lines_before = 0
        try:
            if by_line:
                for lines_before, line in enumerate(file):  # noqa: B007 - told where it can't be read
                    if line.strip():
                        yield json.loads(line.rstrip("\r\n"))
                return
            records = json.load(file)
        except json.JSONDecodeError as error:
            place = f"line {lines_before + error.lineno}, column {error.colno}"
            raise ValueError(f"'{path}' can't be read as a {what}: {error.msg}: {place}.") from error
        except RecursionError as error:
            raise ValueError(f"'{path}' can't be read as a {what}: it is nested too deep.") from error
    if not isinstance(records, list):
        raise ValueError(f"'{path}' must be a {what}, but it holds {_kind(records)}.")
    yield from records


def _kind(value: Any) -> str:
    kinds = {bool: "true or false", int: "a number", float: "a number", str: "one text", dict: "one object"}
    return kinds.get(type(value), "nothing")
