"""Small folders of the shape in which data sets are published, and the answers that they hold."""

import csv
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from datasets import Dataset, Features, Image, List, Value

from .conftest import write_clip, write_picture


class Layout(NamedTuple):
    """A source, and what the assistant says in each of its samples, in their order."""

    source: dict[str, Any]
    answers: list[list[str]]
    kinds: list[list[str]]


def _table(path: Path, rows: Iterable[Iterable[Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def _text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _labels(root: Path, reader: str, labels: list[str], kind: str = "video", **options: Any) -> Layout:
    return Layout({"reader": reader, "path": str(root), **options}, [[x] for x in labels], [[kind]] * len(labels))


def authors(root: Path) -> Layout:
    """The authors' JSON: one picture, several, a clip, none."""
    write_picture(root / "a.png"), write_picture(root / "b.png"), write_clip(root / "c.mp4")

    def turns(*texts: str) -> list[dict[str, str]]:
        return [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(texts)]

    records = [
        {"id": "0", "image": "a.png", "conversations": turns("<image>\nWho?", "A man.", "Sure?", "Yes.")},
        {"id": "1", "image": ["a.png", "b.png"], "conversations": turns("<image> or <image>?", "The first.")},
        {"id": "2", "video": "c.mp4", "conversations": turns("<video>\nWhat?", "He smiles.")},
        {"id": "3", "conversations": turns("Hello", "你好")},
    ]
    _text(root / "train.json", json.dumps(records))
    answers = [["A man.", "Yes."], ["The first."], ["He smiles."], ["你好"]]
    kinds = [["image"], ["image", "image"], ["video"], []]
    return Layout({"reader": "conversations", "path": str(root / "train.json")}, answers, kinds)


def llava(root: Path) -> Layout:
    """LLaVA's JSON, one object a line; the second has its picture without a mark."""
    write_picture(root / "images" / "a.png")
    records = [
        {"id": "0", "image": "a.png", "conversations": [
            {"from": "human", "value": "What is it?\n<image>"}, {"from": "gpt", "value": "A square."},
        ]},
        {"id": "1", "image": "a.png", "conversations": [
            {"from": "human", "value": "Colour?"}, {"from": "gpt", "value": "Red."},
        ]},
    ]  # fmt: skip
    _text(root / "mix.jsonl", "\n".join(map(json.dumps, records)))
    source = {"reader": "conversations", "path": str(root / "mix.jsonl"), "media": str(root / "images")}
    return Layout(source, [["A square."], ["Red."]], [["image"], ["image"]])


def trl_messages(root: Path) -> Layout:
    """TRL's `messages` with `images` stored in the table, as Arrow keeps them: nulls wherever a part lacks a key."""
    picture = write_picture(root / "a.png")
    part = {"type": Value("string"), "text": Value("string")}
    features = Features({"messages": List({"role": Value("string"), "content": List(part)}), "images": List(Image())})
    rows = [
        {"messages": [
            {"role": "user", "content": [{"type": "image", "text": None}, {"type": "text", "text": "What?"}]},
            {"role": "assistant", "content": [{"type": "text", "text": "A square."}]},
        ], "images": [{"bytes": picture.read_bytes(), "path": None}]},
        {"messages": [
            {"role": "system", "content": [{"type": "text", "text": "Be brief."}]},
            {"role": "user", "content": [{"type": "text", "text": "Hello"}]},
            {"role": "assistant", "content": [{"type": "text", "text": "Hi."}]},
        ], "images": []},
    ]  # fmt: skip
    Dataset.from_list(rows, features=features).to_parquet(root / "train.parquet")
    return Layout({"reader": "trl", "path": str(root / "train.parquet")}, [["A square."], ["Hi."]], [["image"], []])


def trl_prompts(root: Path) -> Layout:
    """TRL's `prompt` and `completion` with a path of a clip, saved by `datasets`."""
    clip = write_clip(root / "a.mp4")
    rows = [{
        "prompt": [{"role": "user", "content": "What happens?"}],
        "completion": [{"role": "assistant", "content": "It gets light."}],
        "videos": [str(clip)],
    }]  # fmt: skip
    Dataset.from_list(rows).save_to_disk(root / "saved")
    return Layout({"reader": "trl", "path": str(root / "saved")}, [["It gets light."]], [["video"]])


def own_csv(root: Path) -> Layout:
    """A table of one's own, written by a spreadsheet: with a byte order mark."""
    write_clip(root / "clips" / "a.mp4"), write_picture(root / "b.jpg")
    _text(root / "labels.csv", '\ufeffpath,label,text\nclips/a.mp4,bored,"Well, so what."\nb.jpg,keen,\n')
    layout = _labels(root / "labels.csv", "csv", ["bored", "keen"])
    return layout._replace(kinds=[["video"], ["image"]])


def folder_per_label(root: Path) -> Layout:
    """A folder for each label, with a folder within and a file that is none of the data."""
    write_clip(root / "happy" / "a.mp4"), write_clip(root / "sad" / "more" / "b.mp4")
    _text(root / "sad" / "notes.txt", "no clip"), _text(root / "sad" / "._b.mp4", "no clip either")
    return _labels(root, "folder_per_label", ["happy", "sad"])


def dfew(root: Path) -> Layout:
    """DFEW, the second fold; clips in parts, with names that the table writes without zeros."""
    write_clip(root / "Clip" / "part_1" / "00001.mp4"), write_clip(root / "Clip" / "part_2" / "16372.mp4")
    table = root / "EmoLabel_DataSplit" / "train(single-labeled)" / "set_2.csv"
    _table(table, [["video_name", "label"], ["1", "1"], ["16372", "7"]])
    return _labels(root, "dfew", ["happy", "fear"], fold=2)


def mafw(root: Path) -> Layout:
    """MAFW, the test of the first fold."""
    write_clip(root / "data" / "clips" / "00025.mp4"), write_clip(root / "data" / "clips" / "00026.mp4")
    listing = root / "Train & Test Set" / "single" / "no_caption" / "set_1" / "test.txt"
    _text(listing, "00025.mp4 anger\n00026.mp4 helplessness\n")
    return _labels(root, "mafw", ["anger", "helplessness"], split="test")


def mer2024(root: Path) -> Layout:
    """MER2024's labelled part."""
    write_clip(root / "video-labeled" / "samplenew_00000001.mp4")
    _table(root / "label-disdim.csv", [["name", "discrete", "valence"], ["samplenew_00000001", "worried", "-1.5"]])
    return _labels(root, "mer2024", ["worried"])


def emer(root: Path) -> Layout:
    """EMER: reasons in full, with subtitles."""
    write_clip(root / "video" / "sample_1.mp4")
    row = ["sample_1", "['happy', 'relieved']", "At last!", "She breathes out, then smiles: she is relieved."]
    _table(root / "EMER.csv", [["names", "emotions", "subtitles", "reasons"], row])
    return _labels(root, "emer", [row[-1]])


def emoset(root: Path) -> Layout:
    """EmoSet's validation part, with the numbers that stand for labels in one row."""
    write_picture(root / "image" / "awe" / "awe_00001.jpg"), write_picture(root / "image" / "fear" / "fear_2.jpg")
    rows = [
        ["awe", "awe_00001", "image/awe/awe_00001.jpg", "annotation/awe/awe_00001.json"],
        [6, "fear_2", "image/fear/fear_2.jpg", "annotation/fear/fear_2.json"],
    ]
    _text(root / "val.json", json.dumps(rows))
    return _labels(root, "emoset", ["awe", "fear"], kind="image", split="val")


def raf_db(root: Path) -> Layout:
    """RAF-DB's training part, aligned."""
    names = ("train_00001", "train_00002", "test_0001")
    for name in names:
        write_picture(root / "Image" / "aligned" / f"{name}_aligned.jpg")
    lines = (f"{name}.jpg {label}\n" for name, label in zip(names, (5, 7, 1), strict=True))
    _text(root / "EmoLabel" / "list_patition_label.txt", "".join(lines))
    return _labels(root, "raf_db", ["sadness", "neutral"], kind="image")


def crema_d(root: Path) -> Layout:
    """CREMA-D, without one actor."""
    for name in ("1001_IEO_NEU_XX", "1001_DFA_ANG_HI", "1002_IEO_SAD_LO"):
        write_clip(root / "VideoFlash" / f"{name}.flv")
    return _labels(root, "crema_d", ["anger", "neutral"], held_out=[1002])


def ravdess(root: Path) -> Layout:
    """RAVDESS: one performance twice (with and without sound), one of another actor, held out."""
    for name in ("01-01-06-01-02-01-12", "02-01-06-01-02-01-12", "02-01-08-02-01-01-03"):
        write_clip(root / f"Actor_{name[-2:]}" / f"{name}.mp4")
    return _labels(root, "ravdess", ["fearful"], held_out=["03"])


def meld(root: Path) -> Layout:
    """MELD's development part; the training part has a clip of the same name."""
    write_clip(root / "dev" / "dev_splits_complete" / "dia0_utt1.mp4")
    write_clip(root / "train" / "train_splits" / "dia0_utt1.mp4")
    header = ["Sr No.", "Utterance", "Speaker", "Emotion", "Sentiment", "Dialogue_ID", "Utterance_ID"]
    row = ["1", "Oh my God, you’re back!", "Monica", "joy", "positive", "0", "1"]
    _table(root / "dev_sent_emo.csv", [header, row])
    return _labels(root, "meld", ["joy"], split="dev")


LAYOUTS: dict[str, Callable[[Path], Layout]] = {
    make.__name__: make
    for make in (
        authors, llava, trl_messages, trl_prompts, own_csv, folder_per_label, dfew, mafw, mer2024, emer, emoset,
        raf_db, crema_d, ravdess, meld,
    )
}  # fmt: skip
