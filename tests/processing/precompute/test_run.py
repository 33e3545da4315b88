"""Runs with worker processes: what is broken, what is known, who may write."""

import multiprocessing
import os
import shutil
import signal

import pytest
from filelock import FileLock

from emotion_qwen.processing.precompute import FaceCaptureStore, list_media, precompute_faces

from .stored_rows import stored_rows


def folder_of(clips, path, copies=()):
    path.mkdir()
    for clip in clips:
        shutil.copy(clip, path)
    for number, clip in enumerate(copies):
        shutil.copy(clip, path / f"copy{number}.mp4")
    return path


def test_broken_clips_are_named_and_the_others_stored(tmp_path, capturer, clips):
    media = folder_of(clips[:2], tmp_path / "media", copies=clips[:1])
    (media / "broken.mp4").write_text("no clip")
    (media / "empty.mp4").touch()
    seen = []
    summary = precompute_faces(list_media(media), tmp_path / "out", capturer, workers=2, on_outcome=seen.append)
    assert (summary.stored, summary.known, len(seen)) == (2, 1, 5)
    assert sorted(os.path.basename(outcome.name) for outcome in summary.broken) == ["broken.mp4", "empty.mp4"]
    assert all(outcome.reason for outcome in summary.broken)
    again = precompute_faces(list_media(media), tmp_path / "out", capturer)
    assert (again.stored, again.known, len(again.broken)) == (0, 3, 2)


def test_shards_together_are_the_whole(tmp_path, capturer, clips):
    items = list_media(folder_of(clips, tmp_path / "media"))
    parts = [precompute_faces(items, tmp_path / "out", capturer, shard=(part, 3)).stored for part in range(3)]
    assert parts == [2, 1, 1]
    assert precompute_faces(items, tmp_path / "out", capturer).known == len(clips)
    assert all(FaceCaptureStore(tmp_path / "out").get(clip) for clip in clips)
    with pytest.raises(ValueError, match="no shard 3/3"):
        precompute_faces(items, tmp_path / "out", capturer, shard=(3, 3))


def test_files_of_so_many_rows(tmp_path, capturer, clips):
    items = list_media(folder_of(clips, tmp_path / "media"))
    precompute_faces(items, tmp_path / "out", capturer, rows_per_file=2)
    (folder,) = {path.parent for path in (tmp_path / "out").rglob("*.parquet")}
    assert len(list(folder.glob("*.parquet"))) == 2 and len(stored_rows(folder)) == 4


def test_a_worker_that_dies_takes_one_clip_with_it(tmp_path, capturer, clips):
    items = list_media(folder_of(clips, tmp_path / "media"))
    killed = []

    def kill_once(outcome):
        if not killed:
            killed.extend(multiprocessing.active_children())
            os.kill(killed[0].pid, signal.SIGKILL)

    summary = precompute_faces(items, tmp_path / "out", capturer, on_outcome=kill_once)
    assert summary.stored == len(clips) - len(summary.broken) and len(summary.broken) <= 1
    assert all("SIGKILL" in outcome.reason for outcome in summary.broken)


def test_a_shard_has_one_writer(tmp_path, capturer, clips):
    with FileLock(tmp_path / ".shard-00000-of-00001.lock"), pytest.raises(RuntimeError, match="Another process"):
        precompute_faces(list_media(clips[0]), tmp_path, capturer)


def test_results_that_can_not_be_written_end_the_run(tmp_path, capturer, clips):
    (tmp_path / "out").write_text("a file, not a folder")
    with pytest.raises(OSError):
        precompute_faces(list_media(clips[0]), tmp_path / "out", capturer)


def test_a_wrong_setting_is_told_before_any_work(tmp_path, capturer, clips):
    capturer.video_processor.fec_config = {"backend": "none such"}
    with pytest.raises(ValueError, match="none such"):
        precompute_faces(list_media(clips[0]), tmp_path / "out", capturer)
    assert not (tmp_path / "out").exists()
