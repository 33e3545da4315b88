"""Folders that appear whole or not at all."""

import os

import pytest
import torch
from safetensors.torch import save_file

from emotion_qwen.whole_folder import appearing_whole


@pytest.mark.parametrize("umask", [0o022, 0o002, 0o077])
def test_weights_may_be_read_by_whom_other_files_may_be(tmp_path, umask):
    before = os.umask(umask)
    try:
        with appearing_whole(tmp_path / "checkpoint") as folder:
            (folder / "adapters").mkdir()
            (folder / "config.json").touch()
            for place in (folder, folder / "adapters"):
                save_file({"weight": torch.zeros(2)}, place / "model.safetensors")
    finally:
        os.umask(before)
    files = [path for path in (tmp_path / "checkpoint").rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o666 & ~umask} and len(files) == 3
