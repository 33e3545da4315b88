"""Clips, folders and data sets become lists of media; the function under a run also works in `map`."""

import json

import datasets
import numpy as np
import pytest

from emotion_qwen.processing import FaceCapture, MediaError
from emotion_qwen.processing.precompute import CaptureColumn, list_media


def as_parquet(path, clips):
    rows = [{"bytes": clip.read_bytes(), "path": clip.name} for clip in clips]
    datasets.Dataset.from_dict({"clip": rows, "other": list(range(len(rows)))}).to_parquet(path / "data.parquet")
    return path / "data.parquet"


def as_folder_of_parquet(path, clips):
    (path / "sub").mkdir()
    (path / "about.json").write_text("{}")
    as_parquet(path / "sub", clips)
    return path


def as_jsonl(path, clips):
    for clip in clips:
        (path / clip.name).write_bytes(clip.read_bytes())
    (path / "data.jsonl").write_text("".join(json.dumps({"clip": clip.name}) + "\n" for clip in clips))
    return path / "data.jsonl"


def as_saved(path, clips):
    rows = datasets.Dataset.from_dict({"clip": [str(clip) for clip in clips]}).cast_column("clip", datasets.Video())
    rows.save_to_disk(path / "saved")
    return path / "saved"


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.mark.parametrize("write", [as_parquet, as_folder_of_parquet, as_jsonl, as_saved])
def test_data_sets_give_the_rows_of_their_files(tmp_path, capturer, clips, write):
    items = list_media(write(tmp_path, clips[:2]), "clip")
    found = [capturer(item.load(), item.name) for item in items]
    expected = [capturer(clip) for clip in clips[:2]]
    assert [(row.content, row.capture) for row in found] == [(row.content, row.capture) for row in expected]
    assert found[1].source.endswith("row 1")


def test_a_folder_is_searched_recursively_in_one_order(tmp_path):
    for name in ("b/2.MP4", "a/1.png", "b/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [item.name for item in list_media(tmp_path)] == [str(tmp_path / name) for name in ("a/1.png", "b/2.MP4")]


def test_what_can_not_be_listed_is_said(tmp_path, clips):
    with pytest.raises(FileNotFoundError, match="no picture or clip"):
        list_media(tmp_path)
    with pytest.raises(FileNotFoundError, match="no file or folder"):
        list_media(tmp_path / "gone")
    with pytest.raises(FileNotFoundError, match="no data set"):
        list_media(tmp_path, "clip")
    table = as_parquet(tmp_path, clips[:1])
    with pytest.raises(ValueError, match="name the column"):
        list_media(table)
    with pytest.raises(ValueError, match="no column 'video'; it has clip, other"):
        list_media(table, "video")


def test_broken_bytes_are_named_after_their_row(capturer):
    with pytest.raises(MediaError, match="^'row 7' can't be read"):
        capturer(b"no clip at all", "row 7")
    with pytest.raises(MediaError, match="not NoneType"):
        capturer({"bytes": None, "path": None})


def test_inside_datasets_map(tmp_path, capturer, clips):
    rows = datasets.Dataset.from_dict({"clip": [str(clips[0]), str(tmp_path / "gone.mp4")]})
    mapped = rows.map(CaptureColumn(capturer, "clip"), batched=True, batch_size=2)
    assert mapped[0]["face_capture"] == capturer(clips[0]).capture and mapped[0]["face_error"] is None
    assert mapped[1]["face_capture"] is None and "gone.mp4" in mapped[1]["face_error"]


def test_a_batch_of_arrays_as_ray_passes_it(capturer, clips):
    batch = {"clip": np.array([clip.read_bytes() for clip in clips[:2]], dtype=object), "id": np.arange(2)}
    result = CaptureColumn(capturer, "clip")(batch)
    assert list(result) == ["clip", "id", "face_capture", "face_error"] and len(batch) == 2
    captures = [FaceCapture.from_dict(json.loads(text)) for text in result["face_capture"]]
    assert all(capture.has_faces for capture in captures)
