import errno
import os

import pytest
import torch
from safetensors import SafetensorError
from torch.utils.data import DataLoader, Dataset

from emotion_qwen.inference import cli
from emotion_qwen.train.failures import TrainingError, explained, output_folder

NO_CPU_MEMORY = (
    "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate "
    "274877906944 bytes. Error code 12 (Cannot allocate memory)"
)
FULL_FOR_SAFETENSORS = "Error while serializing: I/O error: No space left on device (os error 28)"
FULL_FOR_TORCH = "[enforce fail at inline_container.cc:671] . unexpected pos 576 vs 534"
NO_SHARED_MEMORY = "unable to write to file </torch_12_34_5>: No space left on device (28)"


def said(error):
    with pytest.raises(TrainingError) as raised, explained("out"):
        raise error
    return str(raised.value)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError(NO_CPU_MEMORY),
        RuntimeError("std::bad_alloc"),
        MemoryError(),
    ],
)
def test_a_full_memory_says_what_to_lower(error):
    assert "per_device_train_batch_size" in said(error)
    assert "per_device_eval_batch_size" in said(error)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        SafetensorError(FULL_FOR_SAFETENSORS),
        RuntimeError(FULL_FOR_TORCH),
        RuntimeError("write(): fd 3 failed with No space left on device"),
    ],
)
def test_a_full_disk_says_where_and_that_the_run_can_go_on(error):
    assert "'out'" in said(error)
    assert "goes on from the last complete checkpoint" in said(error)
    assert "another output_dir" not in said(error), "there is no checkpoint in another folder"


@pytest.mark.parametrize("words", ["(pid 12) is killed by signal: Killed.", "(pid(s) 12) exited unexpectedly"])
def test_a_killed_worker_says_that_fewer_need_less(words):
    assert "lower dataloader_num_workers" in said(RuntimeError(f"DataLoader worker {words}"))


def test_full_shared_memory_is_no_full_disk():
    assert "dataloader_num_workers" in said(RuntimeError(NO_SHARED_MEMORY))


def test_memory_that_the_allocator_has_not_is_explained():
    with pytest.raises(TrainingError, match="memory is full"), explained("out"):
        torch.empty(1 << 60, dtype=torch.uint8)


def test_a_folder_that_became_read_only_is_told_from_data_that_can_not_be_read():
    read_only = "Read-only file system"
    assert "choose another output_dir" in said(OSError(errno.EROFS, read_only, os.path.abspath("out/checkpoint-2")))
    with pytest.raises(OSError, match="clip"), explained("out"):
        raise OSError(errno.EACCES, "Permission denied", "data/clip.mp4")


@pytest.mark.parametrize("error", [OSError(errno.EIO, "other"), ValueError("other"), RuntimeError("other")])
def test_other_errors_pass(error):
    with pytest.raises(type(error), match="other") as raised, explained("out"):
        raise error
    assert raised.value is error


def test_an_output_folder_is_made_and_stays_empty_until_the_run_writes(tmp_path):
    with output_folder(str(tmp_path / "deep" / "out")):
        assert list((tmp_path / "deep" / "out").iterdir()) == []
    assert (tmp_path / "deep" / "out").is_dir()


@pytest.mark.parametrize(("there", "written", "left"), [
    ((), (), set()),
    (("deep",), (), {"deep"}),
    (("deep", "deep/out"), (), {"deep", "deep/out"}),
    ((), ("deep/beside",), {"deep", "deep/beside"}),
    ((), ("deep/out/checkpoint-2",), {"deep", "deep/out", "deep/out/checkpoint-2"}),
])  # fmt: skip
def test_of_a_run_that_was_refused_no_folder_is_left_but_those_that_it_did_not_make(tmp_path, there, written, left):
    for folder in there:
        (tmp_path / folder).mkdir()
    with pytest.raises(KeyboardInterrupt), output_folder(str(tmp_path / "deep" / "out")):
        for folder in written:
            (tmp_path / folder).mkdir()
        raise KeyboardInterrupt
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")} == left


def test_a_file_in_the_place_of_the_output_folder_is_refused(tmp_path):
    (tmp_path / "out").write_text("")
    for folder in ("out", "out/deeper"):
        with (
            pytest.raises(TrainingError, match="can't be written to .*: choose another output_dir"),
            output_folder(str(tmp_path / folder)),
        ):
            raise AssertionError("The run went on.")


def test_a_read_only_folder_is_refused_before_the_run(tmp_path, monkeypatch):
    def refuse(**_):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    with pytest.raises(TrainingError, match="Read-only file system"), output_folder(str(tmp_path / "out")):
        raise AssertionError("The run went on.")
    assert not (tmp_path / "out").exists()


class Broken(Dataset):
    """Fails."""

    def __len__(self):
        return 1

    def __getitem__(self, index):
        raise ValueError("The clip says nothing: take another.")


def test_what_happened_in_a_worker_is_told_in_a_sentence():
    with pytest.raises(TrainingError, match="^The clip says nothing: take another.$"), explained("out"):
        next(iter(DataLoader(Broken(), num_workers=1)))


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)])
def test_the_command_ends_with_a_sentence_and_the_exit_code_of_bad_input(tmp_path, capsys, order):
    (tmp_path / "file").write_text("")
    words = ["nano/stage3", f"output_dir={tmp_path / 'file'}"]
    assert cli.main(["train", *words[order]]) == 2
    assert capsys.readouterr().err.strip().splitlines()[-1].endswith("choose another output_dir.")
