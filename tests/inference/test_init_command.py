"""`emotion-qwen init`."""

from pathlib import Path

import pytest

from emotion_qwen.inference.checkpoint import load_checkpoint
from emotion_qwen.inference.cli import main

from .source_folders import write_llama, write_qwen


def test_it_prints_the_folder_and_what_it_took_over(tmp_path, capsys):
    write_qwen(tmp_path / "qwen")
    out = tmp_path / "out"
    assert main(["init", "--from", str(tmp_path / "qwen"), "--output", str(out), "--warm-start"]) == 0
    captured = capsys.readouterr()
    assert Path(captured.out.strip()) == out
    assert "lengths are not" in captured.err
    load_checkpoint(out, device="cpu")


def test_it_takes_another_backbone_and_projector(tmp_path):
    write_qwen(tmp_path / "qwen")
    write_llama(tmp_path / "llama")
    options = ["--text-backbone", str(tmp_path / "llama"), "--projector", "fusion"]
    assert main(["init", "--from", str(tmp_path / "qwen"), "--output", str(tmp_path / "out"), *options]) == 0
    model, _ = load_checkpoint(tmp_path / "out", device="cpu")
    assert (model.config.text_config.model_type, model.config.projector_type) == ("llama", "fusion")


@pytest.mark.parametrize("source", ["nowhere", "llama"])
def test_a_source_of_another_kind_is_one_sentence(tmp_path, capsys, source):
    write_llama(tmp_path / "llama")
    capsys.readouterr()
    assert main(["init", "--from", str(tmp_path / source), "--output", str(tmp_path / "out")]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.startswith("emotion-qwen: ") and source in captured.err
    assert not (tmp_path / "out").exists()
