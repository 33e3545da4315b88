"""Trains the models that the tables compare: the same phases, samples and seeds for each."""

from pathlib import Path
from typing import Any

import yaml

from emotion_qwen import EmotionQwenForConditionalGeneration
from emotion_qwen.processing import EmotionQwenProcessor
from emotion_qwen.train import sft
from emotion_qwen.train.nano import NanoArguments, build_model
from emotion_qwen.train.recipe import find_recipe, read_recipe
from emotion_qwen.train.synthetic.data_set import DataSetPlan, write_data_set
from emotion_qwen.train.synthetic.records import RECORDS
from emotion_qwen.train.warm_up import WarmUpArguments, warm_up

from .stored_runs import Result, cost

Settings = dict[str, Any]


def data_folder(settings: Settings, name: str) -> Path:
    """Folder of one of the study's data sets."""
    return Path(settings["output"]) / "data" / name


def write_data(settings: Settings) -> None:
    """Renders the data sets that are missing."""
    for name, plan in settings["data"].items():
        folder = data_folder(settings, name)
        if (folder / RECORDS).exists():
            continue
        ranges = {key: tuple(value) for key, value in plan.items() if isinstance(value, list)}
        write_data_set(folder, DataSetPlan(**plan | ranges))


def build_initial(settings: Settings, architecture: str, seed: int, folder: Path) -> None:
    """Writes a model that knows nothing but how to see: the trained tower, all else with random weights.

    Args:
        settings: The study's.
        architecture: One of `architectures`.
        seed: Of the weights.
        folder: Where it goes, with the tower's processor.
    """
    processor = EmotionQwenProcessor.from_pretrained(settings["tower"])
    fields = read_recipe(find_recipe("nano/model"))
    for changes in (settings["model"], settings["architectures"][architecture]):
        fields |= {part: fields[part] | changed for part, changed in changes.items()}
    model = build_model(NanoArguments(**fields | {"output_dir": str(folder), "seed": seed}), processor)
    trained = EmotionQwenForConditionalGeneration.from_pretrained(settings["tower"]).model.visual
    model.model.visual.patch_embed.load_state_dict(trained.patch_embed.state_dict())
    model.model.visual.blocks.load_state_dict(trained.blocks.state_dict())
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


def warm(settings: Settings, architecture: str, seed: int, folder: Path) -> Result:
    """Builds a model and warms it up on faces and drawings, without Facial Emotion Capture.

    Returns:
        Parameters, and what the warmed model's readouts read rightly of held-out pictures.
    """
    initial = folder.with_name(f"{folder.name}-initial")
    build_initial(settings, architecture, seed, initial)
    wanted = settings["warm_up"]
    folders = {name: str(data_folder(settings, wanted[name])) for name in ("faces", "drawings")}
    run = {"model_name_or_path": str(initial), "output_dir": str(folder), "seed": seed}
    shares = warm_up(WarmUpArguments(**wanted | folders | run))
    model = EmotionQwenForConditionalGeneration.from_pretrained(folder)
    return {
        "parameters": model.num_parameters(),
        "backbone_parameters": model.model.language_model.num_parameters(),
        "read": {name: read.answer for name, read in shares.items()},
    }


def train(settings: Settings, recipe: Settings, start: Path, seed: int, folder: Path) -> Result:
    """Runs a recipe of the study.

    Args:
        settings: The study's.
        recipe: What it has beyond the study's `phase`; its sources name one of the study's data sets as `set`.
        start: The model to start from.
        seed: Of the samples and their order.
        folder: Where the model or the adapter goes.

    Returns:
        What it cost.
    """
    data = [
        {"reader": "rendered", "folder": str(data_folder(settings, source["set"]))}
        | {key: value for key, value in source.items() if key != "set"}
        for source in recipe["data"]
    ]
    run = {"model_name_or_path": str(start), "output_dir": str(folder), "seed": seed, "data": data}
    path = folder.with_name(f"{folder.name}.yaml")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(settings["phase"] | recipe | run), encoding="utf-8")
    with cost() as measured:
        sft.main([str(path)])
    return measured
