"""Saving and loading: same logits, no key too many or too few, tied, sharded, placed, quantised."""

import json

import pytest
import torch
from safetensors import safe_open

from emotion_qwen import EmotionQwenForConditionalGeneration, EmotionQwenModel

from .tiny import BACKBONES, left_pad, mixed_prompts, tiny_config, tiny_model

LOADING_FAULTS = ("missing_keys", "unexpected_keys", "mismatched_keys")


def load(folder, model_class=EmotionQwenForConditionalGeneration, **options):
    """Loads a model and checks that the folder holds exactly what it needs."""
    model, report = model_class.from_pretrained(folder, output_loading_info=True, **options)
    assert not any(report[fault] for fault in LOADING_FAULTS)
    return model


@torch.no_grad()
def logits_of(model):
    return model(**left_pad(mixed_prompts())).logits


def stored_names(folder):
    names = set()
    for file in folder.glob("*.safetensors"):
        with safe_open(file, "pt") as weights:
            names |= set(weights.keys())
    return names


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("projector", ["hybrid", "mlp", "fusion"])
def test_a_saved_model_gives_the_same_logits(tmp_path, backbone, projector):
    model = tiny_model(backbone, projector_type=projector)
    model.save_pretrained(tmp_path)
    assert torch.equal(logits_of(load(tmp_path)), logits_of(model))


@pytest.mark.parametrize("backbone", BACKBONES)
def test_tied_embeddings_are_stored_once_and_stay_tied(tmp_path, backbone):
    model = tiny_model(backbone, tie_word_embeddings=True)
    model.save_pretrained(tmp_path)
    reloaded = load(tmp_path)
    assert reloaded.lm_head.weight is reloaded.get_input_embeddings().weight
    assert "lm_head.weight" not in stored_names(tmp_path)
    assert torch.equal(logits_of(reloaded), logits_of(model))


def test_untied_embeddings_stay_apart(tmp_path):
    model = tiny_model()
    model.save_pretrained(tmp_path)
    assert "lm_head.weight" in stored_names(tmp_path)
    reloaded = load(tmp_path)
    assert reloaded.lm_head.weight is not reloaded.get_input_embeddings().weight


@pytest.mark.parametrize("tied", [True, False])
def test_a_sharded_model_gives_the_same_logits(tmp_path, tied):
    model = tiny_model(tie_word_embeddings=tied)
    model.save_pretrained(tmp_path, max_shard_size="100KB")
    index = json.loads((tmp_path / "model.safetensors.index.json").read_text())
    assert len(set(index["weight_map"].values())) > 2
    assert torch.equal(logits_of(load(tmp_path)), logits_of(model))


def test_names_are_those_of_the_modules(tmp_path):
    model = tiny_model()
    model.save_pretrained(tmp_path)
    assert stored_names(tmp_path) == set(model.state_dict())


def test_base_model_loads_from_the_generating_model_and_back(tmp_path):
    model = tiny_model()
    model.save_pretrained(tmp_path / "whole")
    base, report = EmotionQwenModel.from_pretrained(tmp_path / "whole", output_loading_info=True)
    assert not report["missing_keys"]
    inputs = left_pad(mixed_prompts())
    with torch.no_grad():
        expected = model.model(**inputs).last_hidden_state
        assert torch.equal(base.eval()(**inputs).last_hidden_state, expected)
        base.save_pretrained(tmp_path / "base")
        whole, report = EmotionQwenForConditionalGeneration.from_pretrained(
            tmp_path / "base", output_loading_info=True
        )
        assert set(report["missing_keys"]) == {"lm_head.weight"} and not report["unexpected_keys"]
        assert torch.equal(whole.eval().model(**inputs).last_hidden_state, expected)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_loads_in_half_precision(tmp_path, dtype):
    tiny_model().save_pretrained(tmp_path)
    model = load(tmp_path, dtype=dtype)
    assert {parameter.dtype for parameter in model.parameters()} == {dtype}
    assert logits_of(model).isfinite().all()


def test_a_device_map_places_every_part(tmp_path):
    model = tiny_model()
    model.save_pretrained(tmp_path)
    placed = load(tmp_path, device_map={"": "cpu"})
    assert torch.equal(logits_of(placed), logits_of(model))


def test_parts_on_disk_give_the_same_logits(tmp_path):
    """The compressor is one unit for placement: its gate, experts and norm travel together."""
    model = tiny_model()
    model.save_pretrained(tmp_path / "model", max_shard_size="100KB")
    device_map = {
        "model.visual.patch_embed": "cpu",
        "model.visual.rotary_pos_emb": "cpu",
        "model.visual.blocks": "cpu",
        "model.visual.compressor": "disk",
        "model.language_model": "cpu",
        "lm_head": "cpu",
    }
    placed = load(tmp_path / "model", device_map=device_map, offload_folder=tmp_path / "offload")
    torch.testing.assert_close(logits_of(placed), logits_of(model))


def test_new_models_have_every_weight_set():
    """Built without weights and then materialised, nothing is left as the memory happened to be."""
    torch.manual_seed(0)
    model = EmotionQwenForConditionalGeneration(tiny_config())
    compressor = model.model.visual.compressor
    for name, parameter in compressor.named_parameters():
        if name.endswith("bias"):
            assert not parameter.any()
        elif "norm" in name or parameter.ndim == 1:
            assert (parameter == 1).all()
        else:
            assert 0.01 < parameter.std() < 0.03


def test_builds_on_the_meta_device():
    with torch.device("meta"):
        model = EmotionQwenForConditionalGeneration(tiny_config("llama"))
    assert all(parameter.is_meta for parameter in model.parameters())
