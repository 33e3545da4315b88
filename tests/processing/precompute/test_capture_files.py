"""Rows are safe once written, and never half there."""

import sys

import pytest

from emotion_qwen.processing.precompute.capture_files import (
    Journal,
    import_parquet,
    known_contents,
    pack_journals,
    read_journal,
    write_whole,
)
from emotion_qwen.processing.precompute.media_capturer import CaptureRow

from .stored_rows import stored_rows


def row(number: int) -> CaptureRow:
    return CaptureRow(f"{number:064d}", "video", f"第{number}.mp4", '{"fps":0.1}')


def test_a_line_that_was_not_finished_is_no_row(tmp_path):
    journal = Journal(tmp_path, "shard")
    journal.append(row(1))
    journal.append(row(2))
    torn = journal.path.read_bytes()[:-1]
    journal.path.write_bytes(torn)
    assert read_journal(journal.path) == [row(1)]


def test_a_packed_journal_keeps_its_rows_once(tmp_path):
    journals = [Journal(tmp_path, "shard") for _ in range(2)]
    for journal, numbers in zip(journals, ([1, 2], [2, 3]), strict=True):
        for number in numbers:
            journal.append(row(number))
    pack_journals([journal.path for journal in journals])
    assert stored_rows(tmp_path) == [row(1), row(2), row(3)]
    assert [path.suffix for path in tmp_path.iterdir()] == [".parquet"]
    assert known_contents(tmp_path) == {row(number).content for number in (1, 2, 3)}


def test_a_file_that_fails_to_be_written_has_no_name(tmp_path):
    (tmp_path / "file").write_text("old")

    def fail(partial):
        partial.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_whole(tmp_path / "file", fail)
    assert (tmp_path / "file").read_text() == "old"


def test_what_to_install_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ImportError, match=r"emotion-qwen\[train\]"):
        import_parquet()
