"""Finding clips and pictures by the names that label files give them."""

import os
from pathlib import Path

from emotion_qwen.processing.image_loading import STILL_SUFFIXES

CLIP_SUFFIXES = frozenset(
    (
        ".3gp", ".avi", ".flv", ".gif", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv",
        ".webm", ".wmv",
    )
)  # fmt: skip


def list_media(folder: Path, suffixes: frozenset[str] = CLIP_SUFFIXES | STILL_SUFFIXES) -> list[Path]:
    """List the pictures and clips below a folder in the order of their paths; hidden ones are left out.

    Args:
        folder: Looked through with all its subfolders.
        suffixes: Those wanted, in lower case, with the dot.
    """
    found = []
    for place, folders, files in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(place, name) for name in files if _suffix(name) in suffixes and not name.startswith(".")]
    return sorted(found)


def list_folders(folder: Path) -> list[Path]:
    """List the folders in a folder in the order of their names; hidden ones are left out."""
    return sorted(inner for inner in folder.iterdir() if inner.is_dir() and not inner.name.startswith("."))


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()


class MediaIndex:
    """The clips or pictures of a folder by name, in whatever subfolder they are.

    Names are compared without their suffix and without leading zeros: label files say `1` or `00001.mp4` for the same
    clip.

    Args:
        folder: Where to look.
        suffixes: Those wanted.
    """

    def __init__(self, folder: Path, suffixes: frozenset[str] = CLIP_SUFFIXES) -> None:
        self.folder = folder
        self.paths: dict[str, Path] = {}
        for path in list_media(folder, suffixes):
            self.paths.setdefault(_key(path.name), path)

    def __contains__(self, name: str) -> bool:
        return _key(name) in self.paths

    def find(self, name: str) -> str:
        """Return the path of a clip; where there is none, the path that it would have in the folder itself."""
        return str(self.paths.get(_key(name), self.folder / name))


def _key(name: str) -> str:
    name = Path(name).name
    stem = os.path.splitext(name)[0] if _suffix(name) in CLIP_SUFFIXES | STILL_SUFFIXES else name
    return stem.lstrip("0") or "0"


def existing_file(path: Path, what: str) -> Path:
    """Return the path of a file that a layout promises.

    Args:
        path: Where it should be.
        what: What it is, for the message.

    Raises:
        FileNotFoundError: If there is nothing at the path.
        ValueError: If a folder is there.
    """
    if path.is_dir():
        raise ValueError(f"'{path}' is a folder; a {what} was expected.")
    if not path.exists():
        raise FileNotFoundError(f"There is no {what} at '{path}'.")
    return path


def existing_folder(path: Path, what: str = "folder") -> Path:
    """Return the path of a folder that a layout promises.

    Args:
        path: Where it should be.
        what: What it is, for the message.

    Raises:
        FileNotFoundError: If there is nothing at the path.
        ValueError: If a file is there.
    """
    if not path.exists():
        raise FileNotFoundError(f"There is no {what} at '{path}'.")
    if not path.is_dir():
        raise ValueError(f"'{path}' is a file; a {what} was expected.")
    return path
