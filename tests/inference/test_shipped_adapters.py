"""Emotion-Qwen-Nano with adapters of its own: found in the package, chosen, listed, exported."""

import shutil
import tomllib
from pathlib import Path

import pytest

from emotion_qwen.inference import AdapterPurpose, EmotionAnalyzer, analyzer, checkpoint
from emotion_qwen.inference.adapter_files import ADAPTERS_FOLDER, find_adapters
from emotion_qwen.inference.adapter_fit import check_fit
from emotion_qwen.inference.adapter_purpose import PURPOSE_FILE
from emotion_qwen.inference.checkpoint import load_checkpoint, shipped_checkpoint
from emotion_qwen.inference.cli import main
from emotion_qwen.inference.prompts import EMOTION_LABELS

from .tiny_adapters import write_adapter

REPOSITORY = Path(__file__).parents[2]
FEW = {"facial_emotion_capture": False, "max_new_tokens": 4}


@pytest.fixture(scope="module")
def nano(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Nano as it is shipped, with an adapter for clips and one for pictures."""
    folder = tmp_path_factory.mktemp("package") / "nano"
    shutil.copytree(shipped_checkpoint(), folder, ignore=shutil.ignore_patterns(ADAPTERS_FOLDER))
    for seed, (name, media) in enumerate({"clips": "video", "portraits": "image"}.items()):
        adapter = write_adapter(folder, folder / ADAPTERS_FOLDER / name, seed)
        AdapterPurpose(EMOTION_LABELS, True, media).save(adapter)
    return folder


@pytest.fixture
def shipped(nano: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, in the place of the one that comes with the package."""
    for module in (checkpoint, analyzer):
        monkeypatch.setattr(module, "shipped_checkpoint", lambda: nano)
    return nano


def test_they_are_chosen_by_name_and_by_what_is_asked_of_what(shipped, clip, portrait):
    nano = EmotionAnalyzer.from_pretrained(device="cpu")
    assert nano.adapters.names == ("clips", "portraits")
    assert nano.analyze(clip, **FEW).adapter == "clips"
    assert nano.analyze(portrait, **FEW).adapter == "portraits"
    named = EmotionAnalyzer.from_pretrained(adapter="clips", device="cpu").analyze(clip, **FEW)
    assert named == nano.analyze(clip, **FEW) != nano.analyze(clip, adapter="base", **FEW)


def test_general_questions_get_the_nano_itself(shipped, portrait):
    nano, plain = (EmotionAnalyzer.from_pretrained(adapter=name, device="cpu") for name in (None, "base"))
    asked = {"question": "How many people are there?", "language": "en"}
    assert nano.analyze(portrait, **asked, **FEW).text == plain.analyze(portrait, **asked, **FEW).text
    assert nano.analyze(portrait, **asked, **FEW).adapter is None


def test_the_command_lists_chooses_and_exports_them(shipped, portrait, tmp_path, capsys):
    assert main(["adapters", "list"]) == 0
    clips, portraits = capsys.readouterr().out.splitlines()
    assert clips.startswith("clips ") and clips.endswith("and open questions about emotion, of clips")
    assert portraits.startswith("portraits ") and portraits.endswith(", of pictures")
    assert main(["analyze", str(portrait), "--adapter", "base", "--device", "cpu", "--no-fec"]) == 0
    assert main(["export", str(tmp_path / "nano")]) == 0
    exported = EmotionAnalyzer.from_pretrained(tmp_path / "nano", device="cpu")
    ours = EmotionAnalyzer.from_pretrained(device="cpu")
    for name in ("clips", "portraits"):
        assert exported.analyze(portrait, adapter=name, **FEW) == ours.analyze(portrait, adapter=name, **FEW)


def test_one_of_ones_own_takes_the_place_of_the_one_that_is_shipped(shipped, portrait, tmp_path):
    own = write_adapter(shipped, tmp_path / "clips", seed=7)
    ours, theirs = (EmotionAnalyzer.from_pretrained(adapter=name, device="cpu") for name in (own, "clips"))
    assert ours.adapters.names == ("clips", "portraits") and ours.adapter == "clips"
    assert ours.analyze(portrait, **FEW).probabilities != theirs.analyze(portrait, **FEW).probabilities


def test_the_package_holds_every_file_of_the_nano(nano):
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = settings["tool"]["setuptools"]["package-data"]["emotion_qwen"]
    for root in (nano.parent, REPOSITORY / settings["tool"]["setuptools"]["package-dir"]["emotion_qwen"]):
        packed = {path for pattern in patterns for path in root.glob(pattern)}
        assert {path for path in (root / "nano").rglob("*") if path.is_file()} <= packed


def test_what_is_shipped_fits_the_nano_and_says_what_it_answers():
    model, _ = load_checkpoint(shipped_checkpoint(), device="cpu")
    for folder in find_adapters(shipped_checkpoint() / ADAPTERS_FOLDER).values():
        check_fit(folder, model)
        assert (folder / PURPOSE_FILE).is_file(), folder
