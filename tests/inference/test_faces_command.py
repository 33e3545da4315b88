"""`emotion-qwen faces`: exit codes, what it says, and that `analyze --faces` takes its results."""

import shutil

import pytest

from emotion_qwen.inference import EmotionAnalyzer
from emotion_qwen.inference.cli import main
from emotion_qwen.inference.faces_command import SOME_BROKEN


@pytest.fixture
def media(tmp_path, clip, portrait):
    folder = tmp_path / "media"
    folder.mkdir()
    shutil.copy(clip, folder)
    shutil.copy(portrait, folder)
    return folder


def test_stored_faces_are_taken_instead_of_looking_again(
    checkpoint, analyzer, clip, media, tmp_path, monkeypatch, capsys
):
    command = ["faces", str(media), "--output", str(tmp_path / "faces"), "--model", str(checkpoint), "--workers", "1"]
    assert main(command) == 0
    assert "2 captured, 0 known before, 0 broken" in capsys.readouterr().out
    monkeypatch.setattr(EmotionAnalyzer, "from_pretrained", lambda *_, **__: analyzer)
    monkeypatch.setattr(EmotionAnalyzer, "capture_faces", lambda *_: pytest.fail("looked again"))
    assert main(["analyze", str(clip), "--faces", str(tmp_path / "faces"), "--max-new-tokens", "2"]) == 0
    assert "Key frames" in capsys.readouterr().out


def test_broken_media_are_named_and_counted(checkpoint, media, tmp_path, capsys):
    (media / "broken.mp4").write_text("no clip")
    command = ["faces", str(media), "--output", str(tmp_path / "faces"), "--model", str(checkpoint), "--workers", "1"]
    assert main(command) == SOME_BROKEN
    shown = capsys.readouterr()
    assert "1 broken" in shown.out and "broken.mp4" in shown.err and "Traceback" not in shown.err
    assert main([*command, "--fps", "1"]) == SOME_BROKEN  # other settings: clips are captured anew, pictures are not
    assert "1 captured, 1 known before" in capsys.readouterr().out


@pytest.mark.parametrize(
    "options", [["--shard", "2/2"], ["--workers", "0"], ["--fec", "crop_scale"], ["--shard", "one"]]
)
def test_wrong_usage_exits_with_two(options, media, tmp_path, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["faces", str(media), "--output", str(tmp_path / "faces"), *options])
    assert caught.value.code == 2 and options[0] in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [(["--fec", "crop_scale=99"], "crop_scale"), (["--fec", "crop=1"], "Unknown"), (["--column", "c"], "no data set")],
)
def test_bad_settings_exit_with_two_and_one_sentence(checkpoint, media, tmp_path, capsys, options, said):
    out = tmp_path / "faces"
    assert main(["faces", str(media), "--output", str(out), "--model", str(checkpoint), *options]) == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("emotion-qwen: ")]
    assert len(errors) == 1 and said in errors[0]
    assert not out.exists()
