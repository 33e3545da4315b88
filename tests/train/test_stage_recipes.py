"""What each recipe trains at the 7B shape, counted without weights, and that each runs at the Nano's size."""

import json

import pytest
import torch
from peft import PeftModel, get_peft_model
from trl import ModelConfig, SFTConfig, get_peft_config

from emotion_qwen import EmotionQwenConfig, EmotionQwenForConditionalGeneration
from emotion_qwen.inference.adapter_files import read_adapter
from emotion_qwen.inference.adapter_purpose import AdapterPurpose
from emotion_qwen.inference.prompts import EMOTION_LABELS
from emotion_qwen.train import sft
from emotion_qwen.train.recipe import RecipeParser, find_recipe, read_recipe
from emotion_qwen.train.trainable_modules import require_trained, set_trainable

from .conftest import recipe_based_on, run, weights

TOWER, COMPRESSOR = "model.visual", "model.visual.compressor"
STAGES = {
    "stage1": {"general_expert", "gating_network", "norm"},
    "stage2": {"emotion_expert", "gating_network", "norm"},
    "stage3": {"general_expert", "emotion_expert", "gating_network", "norm"},
    "fft": {"general_expert", "emotion_expert", "gating_network", "norm"},
}
ADAPTERS = ("lora/dfew", "lora/mer2024", "lora/emoset", "lora/ver", "lora_single")


@pytest.fixture(scope="module")
def seven_billion():
    with torch.device("meta"):
        return EmotionQwenForConditionalGeneration(EmotionQwenConfig())


def parsed(name):
    settings = ["bf16=false"]  # which the machine that only counts need not have
    return RecipeParser((sft.ScriptArguments, SFTConfig, ModelConfig)).parse_recipe([name, *settings])


def trained(model):
    return {name for name, parameter in model.named_parameters() if parameter.requires_grad}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_trains_what_the_paper_trains(seven_billion, stage):
    script, _, _ = parsed(stage)
    set_trainable(seven_billion, script.trainable)
    require_trained(seven_billion, script.trainable, adapts=False)
    names = trained(seven_billion)
    parts = {name.removeprefix(f"{COMPRESSOR}.").split(".")[0] for name in names if name.startswith(COMPRESSOR)}
    assert parts == STAGES[stage]
    assert any(name.startswith("model.language_model") for name in names) == (stage in ("stage3", "fft"))
    tower = {
        name for name, _ in seven_billion.named_parameters() if name.startswith((f"{TOWER}.blocks", f"{TOWER}.patch"))
    }
    assert tower <= names


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_an_adapter_adapts_the_language_model_alone(adapter):
    script, training, model_settings = parsed(adapter)
    with torch.device("meta"):
        model = EmotionQwenForConditionalGeneration(EmotionQwenConfig())
        set_trainable(model, script.trainable)
        adapted = get_peft_model(model, get_peft_config(model_settings))
    require_trained(adapted, script.trainable, adapts=True)
    names = trained(adapted)
    assert all("language_model.layers." in name for name in names)
    assert len(names) == 28 * 7 * 2  # layers, linear maps, and a pair of matrices for each
    config = adapted.peft_config["default"]
    assert (config.r, config.lora_alpha, config.lora_dropout) == (64, 64, 0.05)
    assert (training.learning_rate, training.num_train_epochs) == (1e-4, 5)


@pytest.mark.parametrize("stage", ["stage1", "stage2", "stage3"])
def test_the_stages_have_the_values_of_table_3(stage):
    script, training, _ = parsed(stage)
    assert (training.learning_rate, training.weight_decay, training.adam_beta2) == (1e-6, 0.1, 0.95)
    assert (training.lr_scheduler_type, training.warmup_steps) == ("cosine", 0.01)
    assert training.num_train_epochs == (3 if stage == "stage3" else 1)
    assert script.facial_emotion_capture == (stage != "stage1")


HERE = (
    "per_device_train_batch_size=2", "gradient_accumulation_steps=1", "max_steps=1", "warmup_steps=0",
    "dataloader_num_workers=0",
)  # fmt: skip
"""A step on few samples in this process."""


@pytest.mark.parametrize("stage", [*STAGES, "nano/stage1", "nano/stage2", "nano/stage3"])
def test_a_stage_changes_what_it_names_and_nothing_else(stage, faces, nano, tmp_path, monkeypatch):
    source = {"reader": "rendered", "folder": str(faces), "samples": 2, "side": 80}
    source |= {key: value for key, value in read_recipe(find_recipe(stage))["data"][0].items() if key in ("task",)}
    path = recipe_based_on(tmp_path, stage, model_name_or_path=str(nano), data=[source])
    run(monkeypatch, sft, path, *HERE, f"output_dir={tmp_path / 'out'}")
    named = read_recipe(find_recipe(stage))["trainable"]
    before, after = weights(nano), weights(tmp_path / "out")
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    # Of a matrix that has a gradient every weight has one, and even at 1e-6 a step is not lost in rounding.
    moved = [(before[name] != after[name]).float().mean() for name in changed if before[name].ndim == 2]
    assert torch.stack(moved).median() > 0.9
    if named != [""]:
        assert all(any(name.startswith(f"{module}.") for module in (*named, "lm_head")) for name in changed)
        idle = {"stage1": "emotion_expert", "stage2": "general_expert"}[stage.rpartition("/")[2]]
        assert not any(idle in name for name in changed)


@pytest.mark.parametrize("adapter", [*ADAPTERS, "nano/lora", "nano/lora_clips"])
def test_an_adapter_s_recipe_runs_and_peft_alone_loads_it(adapter, faces, nano, tmp_path, monkeypatch):
    source = {"reader": "rendered", "folder": str(faces), "samples": 2, "side": 80}
    path = recipe_based_on(tmp_path, adapter, model_name_or_path=str(nano), data=[source])
    run(monkeypatch, sft, path, *HERE, "lora_r=2", f"output_dir={tmp_path / 'out'}")
    base = EmotionQwenForConditionalGeneration.from_pretrained(nano)
    adapted = PeftModel.from_pretrained(base, tmp_path / "out")
    matrices = [p for name, p in adapted.named_parameters() if "lora_B" in name]
    assert all((matrix != 0).float().mean() > 0.9 for matrix in matrices)  # they start from 0
    assert json.loads((tmp_path / "out" / "adapter_config.json").read_text())["r"] == 2
    # Rendered faces come with label questions and open ones, and here as pictures alone.
    assert read_adapter(tmp_path / "out").purpose == AdapterPurpose(EMOTION_LABELS, True, "image")
