"""One's own labelled clips and pictures: a table of paths and labels, or a folder for each label."""

from collections.abc import Iterator
from pathlib import Path

from .entries import Entry, fault, labelled
from .media_files import existing_folder, list_folders, list_media
from .text_files import read_csv_rows


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

    Hidden folders are left out.

    Raises:
        ValueError: If there is no such picture or clip.
    """
    found = False
    for folder in list_folders(existing_folder(path)):
        for media in list_media(folder):
            found = True
            yield labelled(str(media), folder.name)
    if not found:
        raise ValueError(f"'{path}' has no folders with pictures or clips in them.")
