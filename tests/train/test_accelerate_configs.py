"""The shipped accelerate configs, as accelerate itself reads them."""

import pytest
from accelerate.commands.config.config_args import load_config_from_file

from emotion_qwen.train.recipe import ACCELERATE

from ..modeling_emotion_qwen.tiny import tiny_model

DISTRIBUTED = {"one_gpu": "NO", "two_cpu": "MULTI_GPU", "zero2": "DEEPSPEED", "zero3": "DEEPSPEED", "fsdp2": "FSDP"}


def config(name: str):
    return load_config_from_file(str(ACCELERATE / f"{name}.yaml"))


def test_each_is_read_and_there_is_no_other():
    assert {path.stem for path in ACCELERATE.glob("*.yaml")} == set(DISTRIBUTED)
    assert {name: str(config(name).distributed_type.value) for name in DISTRIBUTED} == DISTRIBUTED


@pytest.mark.parametrize("name", DISTRIBUTED)
def test_the_recipe_decides_what_is_computed_with(name):
    # Trainers take the higher of the two, and keep only the recipe's with what they write.
    assert config(name).mixed_precision == "no"


@pytest.mark.parametrize(("name", "stage"), [("zero2", 2), ("zero3", 3)])
def test_zero_divides_as_much_as_its_name_says(name, stage):
    assert config(name).deepspeed_config["zero_stage"] == stage


def test_fsdp_wraps_the_layers_that_the_model_has():
    settings = config("fsdp2").fsdp_config
    wrapped = set(settings["fsdp_transformer_layer_cls_to_wrap"].split(","))
    assert wrapped == {type(module).__name__ for module in tiny_model().modules()} & wrapped
    assert settings["fsdp_version"] == 2
