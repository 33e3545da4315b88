"""Published emotion data sets, as they lie on disk when their archives are unpacked."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from emotion_qwen.processing.image_loading import STILL_SUFFIXES, is_still

from .entries import Entry, fault, labelled
from .media_files import MediaIndex, existing_file, existing_folder, list_media
from .text_files import read_csv_rows, read_json_records, read_pairs

_MER2024_TABLES = {
    "train": "label-disdim.csv", "semi": "reference-semi.csv", "noise": "reference-noise.csv",
}  # fmt: skip
_MELD_CLIPS = {
    "train": "train_splits", "dev": "dev_splits_complete", "test": "output_repeated_splits_test",
}  # fmt: skip
CREMA_D_NAME = re.compile(r"(?P<actor>\d{4})_[A-Z]{3}_(?P<emotion>[A-Z]{3})_[A-Z]{2}")
RAVDESS_NAME = re.compile(r"(?P<modality>0[12])-(?P<rest>\d\d-(?P<emotion>\d\d)-\d\d-\d\d-\d\d-(?P<actor>\d\d))")


def read_dfew(path: Path, *, media: Path | None = None, split: str = "train", fold: int = 1) -> Iterator[Entry]:
    """Read DFEW (Jiang et al. 2020): `EmoLabel_DataSplit/{split}(single-labeled)/set_{fold}.csv`.

    Args:
        path: The data set.
        media: Where the clips are; anywhere below the data set by default.
        split: "train" or "test".
        fold: 1 to 5.
    """
    index = MediaIndex(media or path)
    table = path / "EmoLabel_DataSplit" / f"{split}(single-labeled)" / f"set_{fold}.csv"
    for row in read_csv_rows(table, ("video_name", "label")):
        yield labelled(index.find(row["video_name"]), row["label"])


def read_mafw(path: Path, *, media: Path | None = None, split: str = "train", fold: int = 1) -> Iterator[Entry]:
    """Read MAFW (Liu et al. 2022): `Train & Test Set/single/no_caption/set_{fold}/{split}.txt`.

    Args:
        path: The data set.
        media: Where the clips are; anywhere below the data set by default.
        split: "train" or "test".
        fold: 1 to 5.
    """
    index = MediaIndex(media or path)
    listing = path / "Train & Test Set" / "single" / "no_caption" / f"set_{fold}" / f"{split}.txt"
    for name, label in read_pairs(listing):
        yield labelled(index.find(name), label)


def read_mer2024(path: Path, *, media: Path | None = None, split: str = "train") -> Iterator[Entry]:
    """Read MER2024 (Lian et al. 2024): `label-disdim.csv` and `reference-{semi,noise}.csv`, columns `name,discrete`.

    Args:
        path: The data set.
        media: Where the clips are; anywhere below the data set by default.
        split: "train", "semi" or "noise".
    """
    table = path / _one_of(split, _MER2024_TABLES)
    index = MediaIndex(media or path)
    for row in read_csv_rows(table, ("name", "discrete")):
        yield labelled(index.find(row["name"]), row["discrete"])


def read_emer(path: Path, *, media: Path | None = None) -> Iterator[Entry]:
    """Read EMER (Lian et al. 2024): a table `names,emotions,subtitles,reasons`.

    The answer is the reasons in full; the emotions are words of all kinds and belong to no set.

    Args:
        path: The table, or a folder with one.
        media: Where the clips are; anywhere below the table's folder by default.

    Raises:
        ValueError: If the folder has no table, or several.
    """
    tables = sorted(path.glob("*.csv")) if path.is_dir() else [existing_file(path, "table")]
    if len(tables) != 1:
        raise ValueError(f"'{path}' must have one table of EMER, not {len(tables)}: name the file itself.")
    index = MediaIndex(media or tables[0].parent)
    for row in read_csv_rows(tables[0], ("names", "emotions", "subtitles", "reasons")):
        clip = index.find(row["names"])
        if row["reasons"]:
            yield labelled(clip, words=row["subtitles"], reasons=row["reasons"])
        else:
            yield fault(f"'{tables[0]}' gives no reasons for '{clip}'.")


def read_emoset(path: Path, *, media: Path | None = None, split: str = "train") -> Iterator[Entry]:
    """Read EmoSet (Yang et al. 2023): `{split}.json`, rows of the emotion, the picture's path and more.

    Args:
        path: The data set.
        media: What the pictures' paths are relative to; the data set by default.
        split: "train", "val" or "test".
    """
    listing = path / f"{split}.json"
    for number, row in enumerate(read_json_records(listing)):
        pictures = [column for column in row if is_still(column)] if isinstance(row, list) else []
        if pictures:
            yield labelled(str((media or path) / pictures[0]), row[0])
        else:
            yield fault(f"Row {number} of '{listing}' names no picture.")


def read_raf_db(path: Path, *, media: Path | None = None, split: str = "train") -> Iterator[Entry]:
    """Read RAF-DB (Li et al. 2017), basic emotions: `EmoLabel/list_patition_label.txt`.

    Args:
        path: The data set.
        media: Where the pictures are, aligned or not; `Image/aligned` by default.
        split: "train" or "test".
    """
    index = MediaIndex(existing_folder(media or path / "Image" / "aligned", "folder of pictures"), STILL_SUFFIXES)
    for name, label in read_pairs(path / "EmoLabel" / "list_patition_label.txt"):
        if name.startswith(f"{split}_"):
            aligned = f"{Path(name).stem}_aligned.jpg"
            yield labelled(index.find(aligned if aligned in index else name), label)


def read_crema_d(path: Path, *, split: str = "train", held_out: Sequence[str | int] = ()) -> Iterator[Entry]:
    """Read CREMA-D (Cao et al. 2014) by its file names: `1001_IEO_NEU_XX.flv`.

    Args:
        path: The data set.
        split: "train" or "test", which has the actors that are held out.
        held_out: Numbers of actors, such as 1091.
    """
    for clip, name in _named_clips(path, CREMA_D_NAME, split, held_out):
        yield labelled(str(clip), name["emotion"])


def read_ravdess(path: Path, *, split: str = "train", held_out: Sequence[str | int] = ()) -> Iterator[Entry]:
    """Read RAVDESS (Livingstone and Russo 2018) by its file names: `02-01-06-01-02-01-12.mp4`.

    A performance that is there with sound (01) and without (02) counts once.

    Args:
        path: The data set.
        split: "train" or "test", which has the actors that are held out.
        held_out: Numbers of actors, 1 to 24.
    """
    seen = set()
    for clip, name in _named_clips(path, RAVDESS_NAME, split, held_out):
        if name["rest"] not in seen:
            seen.add(name["rest"])
            yield labelled(str(clip), name["emotion"])


def read_meld(path: Path, *, media: Path | None = None, split: str = "train") -> Iterator[Entry]:
    """Read MELD (Poria et al. 2019): `{split}_sent_emo.csv` and clips `dia{D}_utt{U}.mp4`.

    Args:
        path: The data set.
        media: The folder of the split's clips, whose names repeat from split to split; by default the one with the
            name that it has in the archive.
        split: "train", "dev" or "test".
    """
    folder = _one_of(split, _MELD_CLIPS)
    index = MediaIndex(media or _only(path, folder))
    columns = ("Utterance", "Emotion", "Dialogue_ID", "Utterance_ID")
    for row in read_csv_rows(_only(path, f"{split}_sent_emo.csv"), columns):
        clip = index.find(f"dia{row['Dialogue_ID']}_utt{row['Utterance_ID']}.mp4")
        yield labelled(clip, row["Emotion"], row["Utterance"])


def _named_clips(
    path: Path, pattern: re.Pattern[str], split: str, held_out: Sequence[str | int]
) -> Iterator[tuple[Path, re.Match[str]]]:
    """Yield the clips whose names tell their label and actor."""
    _one_of(split, ("train", "test"))
    if not isinstance(held_out, list | tuple):
        raise ValueError(f"'{path}': held_out must be a list of actors' numbers, not {held_out!r}.")
    if split == "test" and not held_out:
        raise ValueError(f"'{path}' has no split of its own: name the actors of the test as `held_out`.")
    actors = {int(actor) for actor in held_out}
    found = [(clip, pattern.fullmatch(clip.stem)) for clip in list_media(existing_folder(path))]
    found = [(clip, name) for clip, name in found if name is not None]
    if not found:
        raise ValueError(f"'{path}' has no clip whose name tells its emotion.")
    unknown = actors - {int(name["actor"]) for _, name in found}
    if unknown:
        raise ValueError(f"'{path}' has no actor {min(unknown)}, who is to be held out.")
    yield from ((clip, name) for clip, name in found if (int(name["actor"]) in actors) == (split == "test"))


def _one_of(split: str, known: Sequence[str] | dict[str, str]) -> str:
    """Return what a split is called on disk."""
    if split not in known:
        raise ValueError(f"There is no split {split!r}; there are {', '.join(known)}.")
    return known[split] if isinstance(known, dict) else split


def _only(path: Path, name: str) -> Path:
    """Return the first file or folder of that name below a folder, hidden ones left out."""
    found = sorted(existing_folder(path).rglob(name))
    if not found:
        raise FileNotFoundError(f"There is no {name} below '{path}'.")
    return found[0]
