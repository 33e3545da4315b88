"""A small rendered data set, and a Nano with random weights that is a little smaller than the real one."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
import yaml

from emotion_qwen import EmotionQwenForConditionalGeneration
from emotion_qwen.train.nano import NanoArguments, build
from emotion_qwen.train.recipe import find_recipe
from emotion_qwen.train.synthetic.data_set import DataSetPlan, write_data_set

RECIPES = Path(__file__).parents[2] / "train" / "recipes" / "nano"


def recipe(folder: Path, name: str, **changes: Any) -> Path:
    """A copy of a shipped recipe with changes."""
    settings = yaml.safe_load((RECIPES / name).read_text(encoding="utf-8")) | changes
    path = folder / name
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return path


def recipe_based_on(folder: Path, name: str, **changes: Any) -> Path:
    """A recipe that takes from a shipped one what it leaves open."""
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump({"base": str(find_recipe(name)), **changes}), encoding="utf-8")
    return path


def run(monkeypatch: pytest.MonkeyPatch, module: ModuleType, *arguments: Any) -> None:
    """Runs a module's command line here."""
    monkeypatch.setattr(sys, "argv", [module.__name__, *map(str, arguments)])
    module.main()


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """The weights of a saved model, of which none is missing and none is unknown."""
    model, report = EmotionQwenForConditionalGeneration.from_pretrained(folder, output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    return model.state_dict()


@pytest.fixture(scope="package")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stills, clips and drawn shapes of one person for training and one held out."""
    folder = tmp_path_factory.mktemp("faces")
    plan = DataSetPlan(
        identities=1,
        held_out_identities=1,
        stills_per_label=1,
        clips_per_identity=1,
        shapes=10,
        words=10,
        moving=10,
        size=80,
        clip_frames=(4, 4),
        face_height=(0.6, 0.9),
    )
    write_data_set(folder, plan)
    return folder


@pytest.fixture(scope="package")
def nano(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped model's recipe with fewer layers."""
    settings = yaml.safe_load((RECIPES / "model.yaml").read_text(encoding="utf-8"))
    folder = tmp_path_factory.mktemp("nano")
    settings |= {"output_dir": str(folder), "sample_answers": 40, "vocabulary_size": 400}
    settings["text_config"]["num_hidden_layers"] = 1
    settings["vision_config"] |= {"depth": 1, "fullatt_block_indexes": [0]}
    return build(NanoArguments(**settings))
