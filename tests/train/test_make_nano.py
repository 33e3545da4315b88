import re
from pathlib import Path

import pytest

from emotion_qwen.train.recipe import find_recipe, read_recipe

MAKEFILE = (Path(__file__).parents[2] / "Makefile").read_text(encoding="utf-8")
TARGET = MAKEFILE[MAKEFILE.index("\nnano:") : MAKEFILE.index("\nclean:")].replace("$(DATA)", "outputs/nano/data")
NAMES = re.findall(r" (nano/[a-z0-9_]+)(?= |$)", TARGET, re.MULTILINE)
STEPS = [read_recipe(find_recipe(name)) for name in NAMES]


def folders(step):
    sources = [source["folder"] for source in step.get("data", [])]
    return [*sources, *(step[key] for key in ("faces", "drawings") if key in step)]


def test_each_step_starts_from_a_model_that_one_before_it_wrote():
    assert NAMES == ["nano/model", "nano/warm_up", "nano/stage3", "nano/lora", "nano/lora_clips"]
    written = {STEPS[0]["output_dir"]}
    for step in STEPS[1:]:
        assert step["model_name_or_path"] in written
        written.add(step["output_dir"])


@pytest.mark.parametrize("step", STEPS, ids=lambda step: Path(step["output_dir"]).name)
def test_each_step_learns_from_data_that_was_rendered(step):
    assert set(folders(step)) <= set(re.findall(r"--output (outputs/nano/data/\w+)", TARGET))


def test_the_model_that_is_measured_is_the_last_that_was_trained_with_its_adapters():
    (measured,) = re.findall(r"--model (\S+)", TARGET)
    (trained,) = {step["output_dir"].partition("/adapters/")[0] for step in STEPS[-3:]}
    assert measured == trained
