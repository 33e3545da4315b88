import argparse

import pytest
import torch
from trl import SFTConfig

from emotion_qwen.train.precision import AUTO, bf16_setting, multiplies_bf16
from emotion_qwen.train.recipe import RecipeParser


@pytest.fixture
def no_accelerator(monkeypatch):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)


@pytest.fixture
def cpu(monkeypatch):
    """Says what the CPU can."""
    return lambda **can: monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: can, raising=False)


@pytest.fixture
def gpu(monkeypatch):
    """A GPU that has instructions for bfloat16, or emulates them."""

    def there(has: bool) -> None:
        monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(
            torch.cuda, "is_bf16_supported", lambda including_emulation=True: has or including_emulation
        )

    return there


@pytest.mark.parametrize(
    ("text", "read"), [("true", True), ("yes", True), ("false", False), ("0", False), ("auto", AUTO)]
)
def test_yes_and_no_are_what_they_say(text, read):
    assert bf16_setting(text) == read


def test_other_words_are_refused_with_those_that_are_known():
    with pytest.raises(argparse.ArgumentTypeError, match="'Auto' is not true, false or auto"):
        bf16_setting("Auto")


@pytest.mark.parametrize(
    ("capabilities", "can"),
    [
        ({"avx512_f": True, "avx512_bf16": True}, True),
        ({"avx512_f": True, "avx512_bf16": False, "amx_bf16": True}, True),
        ({"avx512_f": True, "avx512_bf16": False}, False),
        ({}, False),
    ],
)
def test_a_cpu_needs_instructions_for_it(no_accelerator, cpu, capabilities, can):
    cpu(**capabilities)
    assert multiplies_bf16() is can


def test_a_torch_that_does_not_tell_computes_in_float32(no_accelerator, monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert not multiplies_bf16()


@pytest.mark.parametrize("has", [True, False])
def test_a_gpu_needs_more_than_emulation(gpu, cpu, has):
    gpu(has)
    cpu(avx512_bf16=not has)
    assert multiplies_bf16() is has


@pytest.mark.parametrize("can", [True, False])
def test_a_cpu_beside_a_gpu_is_asked_where_it_trains(gpu, cpu, can):
    gpu(not can)
    cpu(avx512_bf16=can)
    assert multiplies_bf16(use_cpu=True) is can


@pytest.mark.parametrize("can", [True, False])
@pytest.mark.parametrize("given", [[], ["bf16=auto"], ["--bf16", "auto"]])
def test_a_recipe_or_its_user_may_leave_it_to_the_device(given, can, cpu, tmp_path):
    cpu(avx512_bf16=can)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f"output_dir: {tmp_path}\nuse_cpu: true\nbf16: {not can if given else 'auto'}\n")
    (settings,) = RecipeParser((SFTConfig,)).parse_recipe([str(recipe), *given])
    assert settings.bf16 is can
