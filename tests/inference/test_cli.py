"""The command: what it prints, where, and with which exit code."""

import io
import json
import shutil
import subprocess
import sys
import types
from pathlib import Path

import pytest
from PIL import Image

from emotion_qwen.inference import EmotionAnalysis, EmotionAnalyzer
from emotion_qwen.inference.cli import main
from emotion_qwen.inference.label_sets import LABEL_SETS

from .awkward_media import BROKEN


@pytest.fixture
def quick(checkpoint, analyzer, monkeypatch):
    """Arguments of a run on the tiny checkpoint, which is not loaded anew."""
    loaded = lambda path, adapter=None, **options: analyzer  # noqa: E731
    monkeypatch.setattr(EmotionAnalyzer, "from_pretrained", loaded)
    return ["--model", str(checkpoint), "--max-new-tokens", "4"]


def test_a_clip_from_end_to_end(checkpoint, clip, tmp_path):
    installed = Path(sys.executable).with_name("emotion-qwen")
    command = [installed, "analyze", str(clip), "--model", str(checkpoint)]
    run = subprocess.run(
        [*command, "--device", "cpu", "--max-new-tokens", "4", "--json", "--save-frames", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    analysis = EmotionAnalysis.from_dict(json.loads(run.stdout))
    assert analysis.key_frames
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["clip-evidence.png"]
    assert all(line.endswith(" ...") for line in run.stderr.splitlines())  # progress, and nothing else


def test_people_get_the_answer_the_label_and_the_evidence(quick, analyzer, clip, capsys):
    assert main(["analyze", str(clip), *quick]) == 0
    shown = capsys.readouterr().out
    analysis = analyzer.analyze(clip, max_new_tokens=4)
    assert shown.lstrip().startswith(analysis.text)
    assert f"\n{analysis.label}  " in shown
    assert all(label in shown for label in analysis.probabilities)
    assert f"{analysis.key_frames[0].time:.2f} s" in shown and "Gate: emotion expert" in shown


def test_chinese_names_and_own_question(quick, portrait, capsys):
    assert main(["analyze", str(portrait), *quick, "--language", "zh", "--question", "?", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["language"] == "zh" and values["question"] == "?"


@pytest.mark.parametrize(
    ("given", "labels"), [("emoset", LABEL_SETS["emoset"].labels), ("calm,disappointment", ("calm", "disappointment"))]
)
def test_labels_may_be_others(quick, portrait, capsys, given, labels):
    assert main(["analyze", str(portrait), *quick, "--no-fec", "--labels", given, "--json"]) == 0
    assert tuple(json.loads(capsys.readouterr().out)["probabilities"]) == labels
    assert main(["analyze", str(portrait), *quick, "--no-fec", "--labels", given]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  ") and line.endswith("%")]
    assert [line.split()[0] for line in lines] == list(labels) and len({line.index("%") for line in lines}) == 1


def test_an_unknown_label_set_is_one_sentence(quick, portrait, capsys):
    assert main(["analyze", str(portrait), *quick, "--labels", "emosett"]) == 2
    assert "Did you mean 'emoset'" in capsys.readouterr().err


def test_landmarks_are_marked_in_the_picture(quick, clip, tmp_path, capsys):
    for folder, options in (("plain", []), ("marked", ["--landmarks"])):
        assert main(["analyze", str(clip), *quick, "--save-frames", str(tmp_path / folder), *options]) == 0
    plain, marked = (Image.open(tmp_path / folder / "clip-evidence.png") for folder in ("plain", "marked"))
    assert plain.size == marked.size and plain.tobytes() != marked.tobytes()
    assert main(["analyze", str(clip), *quick, "--landmarks"]) == 2
    assert "--save-frames" in capsys.readouterr().err


def test_capture_off(quick, portrait, capsys):
    assert main(["analyze", str(portrait), *quick, "--no-fec", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["key_frames"] == []


@pytest.mark.parametrize("name", BROKEN)
def test_bad_media_exit_with_two_and_one_sentence(quick, tmp_path, capsys, name):
    file, write = BROKEN[name]
    out = tmp_path / "out"
    assert main(["analyze", str(write(tmp_path / file)), *quick, "--json", "--save-frames", str(out)]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and not out.exists()
    assert len(captured.err.splitlines()) == 1 and captured.err.startswith("emotion-qwen: ")


@pytest.mark.parametrize(
    "options",
    [["--model", "/no/such"], ["--adapter", "/no/such"], ["--device", "toaster"], ["--question", "<|im_end|>"]],
)
def test_bad_options_exit_with_two_and_one_sentence(checkpoint, portrait, capsys, options):
    assert main(["analyze", str(portrait), "--model", str(checkpoint), "--device", "cpu", *options]) == 2
    captured = capsys.readouterr()
    told = [line for line in captured.err.strip().splitlines() if not line.endswith("...")]  # progress, where slow
    assert captured.out == "" and len(told) == 1


@pytest.mark.parametrize(
    "options",
    [[], ["fly"], ["analyze"], ["analyze", "x", "--language", "fr"], ["analyze", "x", "--max-new-tokens", "0"]],
)
def test_wrong_usage_exits_with_two(options, capsys):
    with pytest.raises(SystemExit) as caught:
        main(options)
    assert caught.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("place", ["taken", "taken/inside", "new/" + "x" * 300])
def test_a_place_without_room_for_pictures_is_said_before_the_model_is_loaded(
    portrait, tmp_path, monkeypatch, capsys, place
):
    monkeypatch.setattr(EmotionAnalyzer, "from_pretrained", lambda *_, **__: pytest.fail("the model was loaded"))
    (tmp_path / "taken").write_text("a file, not a folder")
    assert main(["analyze", str(portrait), "--json", "--save-frames", str(tmp_path / place)]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and "can't be written" in captured.err
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


@pytest.mark.parametrize("options", [["--json"], []])
def test_a_picture_that_fails_at_the_end_leaves_the_result(quick, portrait, tmp_path, capsys, options):
    (tmp_path / f"{portrait.stem}-evidence.png").mkdir()
    assert main(["analyze", str(portrait), *quick, *options, "--save-frames", str(tmp_path)]) == 2
    captured = capsys.readouterr()
    assert "happy" in captured.out and "can't be written" in captured.err


@pytest.mark.parametrize("letter", ["x", "笑"])
def test_the_picture_of_a_long_name_has_a_shorter_one(quick, portrait, tmp_path, capsys, letter):
    size = 250 // len(letter.encode())
    clip = Path(shutil.copy(portrait, tmp_path / f"{letter * size}.png"))
    assert main(["analyze", str(clip), *quick, "--save-frames", str(tmp_path / "out")]) == 0
    (picture,) = (tmp_path / "out").iterdir()
    assert picture.name == f"{letter * (200 // len(letter.encode()))}-evidence.png"


def test_an_interrupted_run(quick, portrait, monkeypatch, tmp_path, capsys):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(EmotionAnalyzer, "analyze", interrupt)
    assert main(["analyze", str(portrait), *quick, "--save-frames", str(tmp_path / "out")]) == 130
    assert not (tmp_path / "out").exists() and "Traceback" not in capsys.readouterr().err


def test_export_writes_a_folder_that_analyzes(checkpoint, portrait, tmp_path, capsys):
    folder = tmp_path / "exported"
    assert main(["export", str(folder), "--model", str(checkpoint)]) == 0
    assert Path(capsys.readouterr().out.strip()) == folder
    analysis = EmotionAnalyzer.from_pretrained(folder, device="cpu").analyze(portrait, max_new_tokens=2)
    assert analysis.key_frames
    (folder / "mine.txt").write_text("keep me")
    assert main(["export", str(folder), "--model", str(checkpoint)]) == 2
    assert (folder / "mine.txt").exists()


def test_training_needs_a_recipe(capsys):
    assert main(["train", "/no/such/recipe.yaml"]) == 2
    error = capsys.readouterr().err
    assert "no recipe" in error and "lora/dfew" in error


@pytest.mark.parametrize("command", [[], ["analyze"], ["export"], ["train"]])
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as caught:
        main([*command, "--help"])
    assert caught.value.code == 0 and "usage: emotion-qwen" in capsys.readouterr().out


def test_training_gets_the_recipe_and_its_overrides(monkeypatch):
    seen = []
    monkeypatch.setitem(sys.modules, "emotion_qwen.train.sft", types.SimpleNamespace(main=seen.extend))
    assert main(["train", "stage1", "--max_steps", "3", "seed=1"]) == 0
    assert seen == ["stage1", "--max_steps", "3", "seed=1"]


def test_training_without_its_packages(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "emotion_qwen.train.sft", None)
    (tmp_path / "recipe.yaml").touch()
    assert main(["train", str(tmp_path / "recipe.yaml")]) == 2
    assert "emotion-qwen[train]" in capsys.readouterr().err


def test_the_picture_is_named_after_the_clip(quick, portrait, tmp_path, capsys):
    assert main(["analyze", str(portrait), *quick, "--save-frames", str(tmp_path)]) == 0
    with Image.open(tmp_path / f"{portrait.stem}-evidence.png") as picture:
        assert picture.width == 1280
    assert str(tmp_path / f"{portrait.stem}-evidence.png") in capsys.readouterr().out


def test_a_missing_clip_is_said_before_the_model_is_loaded(monkeypatch, capsys):
    monkeypatch.setattr(EmotionAnalyzer, "from_pretrained", lambda *_, **__: pytest.fail("the model was loaded"))
    assert main(["analyze", "/no/such/clip.mp4"]) == 2
    assert "no file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "what"),
    [([""], "clip or picture"), (["--model", ""], "checkpoint"), (["--adapter", ""], "adapter")],
)
def test_an_empty_name_is_called_empty(portrait, checkpoint, capsys, arguments, what):
    arguments = arguments if arguments == [""] else [str(portrait), *arguments]
    model = [] if "--model" in arguments else ["--model", str(checkpoint)]
    assert main(["analyze", *arguments, *model, "--device", "cpu"]) == 2
    assert f"The name of the {what} is empty." in capsys.readouterr().err


def test_a_defect_is_no_traceback(quick, portrait, monkeypatch, capsys):
    monkeypatch.setattr(EmotionAnalyzer, "analyze", lambda *_, **__: {}["a bug"])
    assert main(["analyze", str(portrait), *quick]) == 1
    error = capsys.readouterr().err
    assert "a bug" in error and "Traceback" not in error


def test_a_terminal_without_chinese_gets_json_in_ascii(quick, portrait, monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    assert main(["analyze", str(portrait), *quick, "--language", "zh", "--json"]) == 0
    stream.flush()
    assert json.loads(stream.buffer.getvalue())["question"].endswith("?")


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_a_stream_that_is_closed_hides_what_goes_there_and_no_more(quick, portrait, monkeypatch, capsys, name):
    monkeypatch.setattr(sys, name, None)
    assert main(["analyze", str(portrait), *quick, "--json"]) == 0
    assert main(["analyze", "/no/such/clip.mp4", *quick, "--json"]) == 2
    captured = capsys.readouterr()
    assert ("probabilities" in captured.out, "no file" in captured.out) == (name == "stderr", False)
    assert ("no file" in captured.err) == (name == "stdout")
