"""Telling by what lies at a path which reader it is for."""

from collections.abc import Mapping
from pathlib import Path

from .media_files import list_folders, list_media
from .published_sets import CREMA_D_NAME, RAVDESS_NAME
from .trl_columns import TABLE_SUFFIXES

_SIGNS: Mapping[str, tuple[str, ...]] = {
    "dfew": ("EmoLabel_DataSplit",),
    "mafw": ("Train & Test Set",),
    "mer2024": ("label-disdim.csv", "reference-*.csv"),
    "raf_db": ("EmoLabel/list_patition_label.txt",),
    "emoset": ("image/*/*_*.*",),
    "meld": ("**/*_sent_emo.csv",),
    "trl": ("state.json", "dataset_dict.json", "*.parquet"),
}
"""Below a folder of the layout, one of these is there."""
_FILES: Mapping[str, str] = dict.fromkeys(TABLE_SUFFIXES, "trl") | {".csv": "csv", ".json": "conversations"}


def guess_reader(path: Path) -> str:
    """Name the reader for a file or folder.

    Args:
        path: Something that exists.

    Raises:
        ValueError: If none fits.
    """
    if path.is_file():
        return _guess_for_file(path)
    for reader, signs in _SIGNS.items():
        if any(next(path.glob(sign), None) is not None for sign in signs):
            return reader
    if any(_guess_for_file(table) == "emer" for table in path.glob("*.csv")):
        return "emer"
    names = [clip.stem for clip in list_media(path)]
    for reader, pattern in (("crema_d", CREMA_D_NAME), ("ravdess", RAVDESS_NAME)):
        if names and all(map(pattern.fullmatch, names)):
            return reader
    if any(map(list_media, list_folders(path))):
        return "folder_per_label"
    raise ValueError(f"Nothing at '{path}' tells which data set it is: name a reader, or a recipe.")


def _guess_for_file(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(4096)
    if path.suffix == ".csv" and head.decode("utf-8", "ignore").lstrip("\ufeff").startswith("names,emotions,"):
        return "emer"
    if path.suffix == ".jsonl" and b'"conversations"' in head:
        return "conversations"
    if path.suffix == ".json" and b'"conversations"' not in head:
        return "trl"
    if path.suffix not in _FILES:
        raise ValueError(f"'{path}' is no data that is known: a recipe, {', '.join(sorted(_FILES))} or a folder is.")
    return _FILES[path.suffix]
