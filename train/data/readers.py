"""The readers by name, and what each of them can be told."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .conversation_files import read_conversations
from .entries import Entry
from .labelled_files import read_csv, read_folder_per_label
from .media_files import existing_folder
from .published_sets import (
    read_crema_d,
    read_dfew,
    read_emer,
    read_emoset,
    read_mafw,
    read_meld,
    read_mer2024,
    read_raf_db,
    read_ravdess,
)
from .trl_columns import read_trl


@dataclass(frozen=True)
class Reader:
    """How one layout is read.

    Attributes:
        read: Yields the entries at a path; its keywords are the options that a recipe may give.
        label_set: Name of the label set of its labels, or None: conversations, or labels of one's own.
        has_labels: Whether its entries have labels.
    """

    read: Callable[..., Iterable[Entry]]
    label_set: str | None = None
    has_labels: bool = True

    @property
    def has_own_labels(self) -> bool:
        """Whether its labels are those that the files happen to have."""
        return self.has_labels and self.label_set is None

    @property
    def options(self) -> tuple[str, ...]:
        """What a recipe may tell it."""
        return tuple(name for name in inspect.signature(self.read).parameters if name not in ("path", "streaming"))

    def entries(self, path: Path, options: Mapping[str, Any], streaming: bool = False) -> Iterable[Entry]:
        """Read the entries at a path.

        Args:
            path: A file or folder.
            options: Its keywords.
            streaming: Whether what is large is read as it goes.

        Raises:
            FileNotFoundError: If the folder of media that is named is not there.
        """
        options = dict(options)
        if "media" in options:
            options["media"] = existing_folder(Path(options["media"]), "folder of media")
        if streaming and "streaming" in inspect.signature(self.read).parameters:
            options["streaming"] = True
        return self.read(path, **options)


READERS: Mapping[str, Reader] = {
    "conversations": Reader(read_conversations, has_labels=False),
    "trl": Reader(read_trl, has_labels=False),
    "csv": Reader(read_csv),
    "folder_per_label": Reader(read_folder_per_label),
    "dfew": Reader(read_dfew, "dfew"),
    "mafw": Reader(read_mafw, "mafw"),
    "mer2024": Reader(read_mer2024, "mer2024"),
    "emer": Reader(read_emer, has_labels=False),
    "emoset": Reader(read_emoset, "emoset"),
    "raf_db": Reader(read_raf_db, "raf_db"),
    "crema_d": Reader(read_crema_d, "crema_d"),
    "ravdess": Reader(read_ravdess, "ravdess"),
    "meld": Reader(read_meld, "meld"),
}
"""Readers of files by name."""
