"""Entries by number in little memory."""

import itertools
import json
from collections.abc import Iterable, Sequence

import pyarrow

from .entries import Entry

_CHUNK = 10_000
"""Entries that are Python objects at a time while the table is made."""


class EntryTable(Sequence[Entry]):
    """Entries as JSON in one column of Arrow: small, and shared by forked workers without copies.

    Args:
        entries: Each JSON can keep.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        texts = map(_as_text, entries)
        chunks = iter(lambda: list(itertools.islice(texts, _CHUNK)), [])
        self.column = pyarrow.chunked_array([pyarrow.array(chunk) for chunk in chunks], type=pyarrow.string())

    def __len__(self) -> int:
        return len(self.column)

    def __getitem__(self, index: int) -> Entry:
        if not 0 <= index < len(self):
            raise IndexError(index)
        return json.loads(self.column[index].as_py())


def _as_text(entry: Entry) -> str:
    """JSON of an entry; half of a character, which UTF-8 does not know, stays the escape that it is in JSON."""
    return json.dumps(entry, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()
