"""Data that can't be trained on, through the command: a sentence names it and says what was expected."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from datasets import Dataset

from emotion_qwen.inference.cli import main
from emotion_qwen.train.data.sources import build_source

from .conftest import write_picture


class Bad(NamedTuple):
    """A file of a data set, and what is to be said of it.

    Attributes:
        name: Of the file, which is written below a folder of its own.
        content: Text, or bytes; None: there is no such file.
        message: Part of the sentence.
        checked: Path that is checked, relative to the folder; the file's by default.
        reader: That is named, if one is.
    """

    name: str
    content: str | bytes | None
    message: str
    checked: str | None = None
    reader: str | None = None


JSON_FILE = "a JSON file (a list of samples, or one on each line)"
DFEW_TABLE = "EmoLabel_DataSplit/train(single-labeled)/set_1.csv"
RAF_DB_LIST = "EmoLabel/list_patition_label.txt"
CHINESE = "\u4f60\u597d"

UNREADABLE = [
    Bad("bad.json", '[{"messages": [1,', f"can't be read as {JSON_FILE}: Expecting value: line 1, column 18"),
    Bad("words.json", "hello", f"can't be read as {JSON_FILE}: Expecting value: line 1, column 1"),
    Bad("bad.jsonl", '\n{"messages": [}\n', "Expecting value: line 2, column 15"),
    Bad("cut.jsonl", '\n{"messages": [1\n', "line 2, column 16"),
    Bad("deep.json", "[" * 100_000, "nested too deep"),
    Bad("empty.json", "", f"is an empty file; {JSON_FILE} was expected"),
    Bad("empty.jsonl", "", f"is an empty file; {JSON_FILE} was expected"),
    Bad("empty.csv", "", "is an empty file; a table with the columns path,label was expected"),
    Bad("empty.parquet", "", "can't be read as a Parquet table"),
    Bad("empty.arrow", "", "can't be read as an Arrow table"),
    Bad("bad.parquet", "no table", "can't be read as a Parquet table"),
    Bad("bad.arrow", "no table", "can't be read as an Arrow table"),
    Bad("list.json", "[]", "there is no sample"),
    Bad("blank.jsonl", "\n", "there is no sample"),
    Bad("number.json", "3", f"must be {JSON_FILE}, but it holds a number"),
    Bad("null.json", "null", f"must be {JSON_FILE}, but it holds nothing"),  # the datasets library crashes on it
    Bad("gone.json", None, "There is no recipe and no data at"),
    Bad("gone", None, "There is no recipe and no data at"),
    Bad("gone.csv", None, "There is no table with the columns path,label at", reader="csv"),
    Bad("gone.parquet", None, "There is no data set at", reader="trl"),
    Bad("columns.csv", "file,emotion\na.png,sad\n", "has no column 'path', 'label'; it has file, emotion"),
    Bad("semicolons.csv", "path;label\na.png;sad\n", "has no column 'path', 'label'; it has path;label"),
    Bad("header.csv", "path,label\n", "there is no sample"),
    Bad("huge.csv", f"path,label\n{'a' * 200_000},sad\n", "can't be read as a table with the columns path,label"),
    Bad("gbk.csv", f"path,label\na.png,{CHINESE}\n".encode("gbk"), "is not in UTF-8, which a table"),
    Bad("utf16.csv", "path,label\na.png,sad\n".encode("utf-16"), "is not in UTF-8, which a table"),
    Bad("gbk.json", f'[{{"conversations": "{CHINESE}"}}]'.encode("gbk"), f"is not in UTF-8, which {JSON_FILE}"),
    Bad("gbk.jsonl", f'{{"messages": "{CHINESE}"}}'.encode("gbk"), f"is not in UTF-8, which {JSON_FILE}"),
    Bad("folder/notes.txt", "words", "is a folder; a table with the columns path,label was expected", "folder", "csv"),
    Bad("folder/notes.txt", "words", f"is a folder; {JSON_FILE} was expected", "folder", "conversations"),
    Bad("folder/notes.txt", "words", "has neither `messages` nor `prompt` and `completion`", "folder", "trl"),
    Bad("folder/notes.txt", "words", "tells which data set it is: name a reader, or a recipe", "folder"),
    Bad("a.csv", "path,label\n", "is a file; a folder was expected", reader="folder_per_label"),
    Bad("a.csv", "path,label\n", "is none of .parquet, .arrow, .json, .jsonl", reader="trl"),
    Bad("a.csv", "path,label\n", "There is no reader 'cvs'", reader="cvs"),
    Bad("a.csv", "path,label\n", "The reader 'rendered' can't be told 'path'", reader="rendered"),
    Bad("notes.txt", "words", "is no data that is known"),
    Bad("saved/state.json", "{}", "can't be read as a data set that `save_to_disk` wrote", "saved"),
    Bad("saved/dataset_dict.json", "{}", "can't be read as a data set that `save_to_disk` wrote", "saved"),
    Bad("tables/a.parquet", "x", "can't be read as a data set here or on the Hub", "tables"),
    Bad(f"d/{DFEW_TABLE}", "", "a table with the columns video_name,label was expected", "d"),
    Bad("d/EmoLabel_DataSplit/readme", "", "There is no table with the columns video_name,label at", "d"),
    Bad(f"r/{RAF_DB_LIST}", "a 1", "There is no folder of pictures at", "r"),
    Bad("m/train_sent_emo.csv", "a,b\n", "There is no train_splits below", "m"),
    Bad("e/image/awe/awe_1.jpg", "", f"There is no {JSON_FILE.removeprefix('a ')} at", "e"),
    Bad("recipe.yaml", "data: [", "is not YAML"),
    Bad("recipe.yaml", "data: \u4f60".encode("gbk"), "is not YAML"),
    Bad("recipe.yaml", "", "must hold settings"),
    Bad("recipe.yaml", "data: []", "has no list `data` with a source in it"),
    Bad("recipe.yaml", "data: [3]", "must be a mapping with a reader and a path, not 3"),
    Bad("recipe.yaml", "data: [{reader: csv, path: 3}]", "needs a path"),
    Bad("recipe.yaml", "data: [{reader: rendered, folder: x}]", "needs to be told samples, side"),
    Bad("recipe.yaml", "data: [{reader: rendered, folders: x}]", "Did you mean 'folder'"),
    Bad("recipe.yaml", "data: [{reader: rendered, folder: source, samples: 1, side: 8}]", "no rendered data set at"),
    Bad("recipe.yaml", "data: [{reader: rendered, augmentation: {nois: 1}}]", "Did you mean 'noise'"),
    Bad("recipe.yaml", "data: [{reader: rendered, augmentation: {sides: [8]}}]", "can't be told 'sides'"),
    Bad("recipe.yaml", "data: [{reader: rendered, augmentation: 1}]", "must be a mapping, not 1"),
    Bad("recipe.yaml", "data: [{reader: csv, path: a, weight: 1}, {reader: csv, path: b}]", "source"),
    Bad("recipe.yaml", "{data: [3], max_broken_share: lots}", "must be a number from 0 to below 1, not 'lots'"),
]


@pytest.mark.parametrize("bad", UNREADABLE, ids=lambda bad: f"{bad.name}-{bad.message[:30]}")
def test_what_can_not_be_read_is_one_sentence(bad, tmp_path, capsys):
    file = tmp_path / bad.name
    file.parent.mkdir(parents=True, exist_ok=True)
    if bad.content is not None:
        file.write_bytes(bad.content.encode() if isinstance(bad.content, str) else bad.content)
    checked = tmp_path / (bad.checked or bad.name)
    reader = [] if bad.reader is None else ["--reader", bad.reader]
    assert main(["data", "check", str(checked), *reader]) == 2
    printed = capsys.readouterr()
    assert not printed.out
    (sentence,) = [line for line in printed.err.splitlines() if line.startswith("emotion-qwen: ")]
    assert bad.message in sentence
    named = any(
        word in sentence for word in (str(checked), "reader 'cvs'", "reader 'rendered'", "source", "max_broken")
    )
    assert named and "Traceback" not in printed.err


def sample(*messages, **media) -> str:
    return json.dumps([{"messages": list(messages), **media}])


ANSWER = {"role": "assistant", "content": "Yes."}

NO_SAMPLES = {
    "one.csv": ("path,label\ngone.png,sad\n", "There is no file '{folder}/gone.png'"),
    "short.csv": ("path,label\na.png\n", "Line 2 of '{file}' lacks its path or label"),
    "quote.csv": ('path,label\n"a.png,sad\n', "Line 2 of '{file}' lacks its path or label"),
    "nul.csv": (b"path,label\na\0.png,sad\n", "There is no file"),
    "dict.json": ("{}", "Row 0 of '{file}': it has neither `messages` nor `prompt` and `completion`; it has nothing"),
    "columns.json": ('[{"question": "a", "answer": "b"}]', "`completion`; it has answer, question"),
    "numbers.json": ("[1, 2]", "Row 1 of '{file}': it is no JSON object"),
    "one.json": ('{"id": 7, "conversations": []}', "Sample 7 of '{file}': it has no `conversations`"),
    "text.json": ('[{"messages": "Hello"}]', "there is no list of messages, but 'Hello'"),
    "role.json": (sample("Hello"), "no object with a role: 'Hello'"),
    "human.json": (sample({"role": "human", "content": "?"}, ANSWER), "'human' is nobody in a conversation"),
    "audio.json": (
        sample({"role": "user", "content": [{"type": "audio", "audio": "a.wav"}]}, ANSWER),
        "neither text nor a picture nor a clip: {{'type': 'audio'",
    ),
    "spaces.json": (sample({"role": "user", "content": "?"}, ANSWER | {"content": " "}), "assistant says nothing"),
    "content.json": (sample({"role": "assistant", "content": 3}), "neither text nor a list of parts: 3"),
    "part.json": (sample({"role": "user", "content": ["a"]}, ANSWER), "A part of a message is no object: 'a'"),
    "words.json": (sample({"role": "user", "content": [{"text": 3}]}, ANSWER), "A text of a message is none: 3"),
    "picture.json": (sample({"role": "user", "content": "?"}, ANSWER, images=3), "there is no list of images, but 3"),
    "half.json": (sample({"role": "user", "content": "?"}, ANSWER, images="\ud83d"), "There is no file '{folder}/"),
    "faces.json": (sample({"role": "user", "content": "?"}, ANSWER, face_captures=True), "captures are a list"),
    "face.json": (
        sample({"role": "user", "content": "?"}, ANSWER, images="a.png", face_captures=[3]),
        "face capture can't be read",
    ),
    "path.json": (sample({"role": "user", "content": "?"}, ANSWER, images="x.png"), "no file '{folder}/x.png'"),
}


@pytest.mark.parametrize("name", NO_SAMPLES)
def test_what_is_no_sample_is_named_with_its_file(name, tmp_path, capsys):
    content, message = NO_SAMPLES[name]
    file = tmp_path / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    write_picture(tmp_path / "a.png")
    assert main(["data", "check", str(file)]) == 2
    printed = capsys.readouterr()
    assert message.format(file=file, folder=tmp_path) in printed.out
    assert "Traceback" not in printed.out + printed.err


@pytest.mark.parametrize(
    ("rows", "message"),
    [("a.png,sad\na.png,Sad\n", "all labels are 'Sad'"), (",\n", "no sample has a label")],
)
def test_labels_of_ones_own_that_are_too_few_are_named(rows, message, tmp_path, capsys):
    write_picture(tmp_path / "a.png")
    (tmp_path / "labels.csv").write_text(f"path,label\n{rows}")
    assert main(["data", "check", str(tmp_path / "labels.csv"), "--json"]) == 2
    (report,) = json.loads(capsys.readouterr().out)
    assert message in report["fault"] and "name all of them as `label_set`" in report["fault"]


def test_labels_that_differ_in_case_are_one(tmp_path, capsys):
    write_picture(tmp_path / "a.png")
    (tmp_path / "labels.csv").write_text("path,label\na.png,Happy\na.png,happy\na.png,sad\n")
    assert main(["data", "check", str(tmp_path / "labels.csv"), "--no-fec"]) == 0
    assert "one word: Happy or sad." in capsys.readouterr().out


def test_an_unreadable_source_is_told_in_json_too(tmp_path, capsys):
    (tmp_path / "a.json").write_text("[")
    assert main(["data", "check", str(tmp_path / "a.json"), "--json"]) == 2
    (report,) = json.loads(capsys.readouterr().out)
    assert str(tmp_path / "a.json") in report["fault"] and report["samples"] == 0


WRITERS: dict[str, Callable[[Path, list], None]] = {
    "a.json": lambda path, rows: path.write_text(json.dumps(rows)),
    "lines.json": lambda path, rows: path.write_text("\n".join(map(json.dumps, rows))),
    "a.jsonl": lambda path, rows: path.write_text("\n".join(map(json.dumps, rows)) + "\n\n"),
    "marked.jsonl": lambda path, rows: path.write_text("\ufeff" + "\n".join(map(json.dumps, rows))),
    "a.parquet": lambda path, rows: Dataset.from_list(rows).to_parquet(path),
}


@pytest.mark.parametrize("name", WRITERS)
def test_the_same_rows_are_read_from_every_kind_of_file(name, tmp_path, capsys):
    write_picture(tmp_path / "b.png")
    messages = [{"role": "user", "content": "What?"}, ANSWER]
    WRITERS[name](tmp_path / name, [{"messages": messages, "images": ["b.png"]}] * 2)
    assert main(["data", "check", str(tmp_path / name), "--no-fec"]) == 0
    printed = capsys.readouterr().out
    assert "samples     2" in printed and "image 2" in printed and "\u00bbYes.<|im_end|>\u00ab" in printed


def test_streaming_names_a_table_that_is_cut_off(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and nothing else")
    with pytest.raises(ValueError, match="a.parquet' can't be read as"):
        list(build_source({"reader": "trl", "path": str(tmp_path / "a.parquet")}, 0, streaming=True).stream())


def test_a_faulty_source_does_not_hide_what_the_others_say(tmp_path, capsys):
    write_picture(tmp_path / "a.png")
    (tmp_path / "sound.csv").write_text("path,label\na.png,happy\na.png,sad\n")
    (tmp_path / "bad.json").write_text("[")
    paths = ("bad.json", "conversations"), ("sound.csv", "csv")
    data = [{"reader": reader, "path": str(tmp_path / name)} for name, reader in paths]
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump({"data": data}))
    assert main(["data", "check", str(tmp_path / "recipe.yaml"), "--no-fec"]) == 2
    printed = capsys.readouterr().out
    assert "unusable    " in printed and "happy 1, sad 1" in printed
