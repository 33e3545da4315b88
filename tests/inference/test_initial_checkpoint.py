"""Checkpoints made of Qwen2.5-VL's and Llama's folders."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import Qwen2VLImageProcessor

from emotion_qwen import EmotionQwenForConditionalGeneration
from emotion_qwen.inference import EmotionAnalyzer
from emotion_qwen.inference.initial_checkpoint import init_from_qwen2_5_vl
from emotion_qwen.processing import EmotionQwenProcessor

from .source_folders import IMAGE_MEAN, llama_tokenizer, sentence, write_llama, write_qwen

MESSAGES = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Who?"}]}]


def load(folder: Path) -> EmotionQwenForConditionalGeneration:
    model, info = EmotionQwenForConditionalGeneration.from_pretrained(folder, output_loading_info=True)
    assert not any(info[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    return model.eval()


def picture_inputs(processor: EmotionQwenProcessor) -> dict[str, torch.Tensor]:
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (56, 84, 3), dtype=np.uint8))
    text = processor.apply_chat_template(MESSAGES, tokenize=False)
    options = {"images_kwargs": {"facial_emotion_capture": False}}
    return processor(text=[text], images=[picture], return_tensors="pt", **options)


@pytest.mark.parametrize("legacy", [True, False])
@pytest.mark.parametrize("tied", [True, False])
def test_text_alone_is_answered_as_by_the_source(tmp_path, legacy, tied):
    source = write_qwen(tmp_path / "qwen", legacy=legacy, tied=tied)
    folder = init_from_qwen2_5_vl(tmp_path / "qwen", tmp_path / "started").folder
    model, processor = load(folder), EmotionQwenProcessor.from_pretrained(folder)
    tokens = sentence(processor.tokenizer)
    assert torch.equal(model(input_ids=tokens).logits, source(input_ids=tokens).logits)
    assert (model.lm_head.weight is model.get_input_embeddings().weight) == tied


def test_with_the_merger_back_in_place_it_sees_what_the_source_sees(tmp_path):
    source = write_qwen(tmp_path / "qwen")
    folder = init_from_qwen2_5_vl(tmp_path / "qwen", tmp_path / "started").folder
    model = load(folder)
    model.model.visual.compressor = source.model.visual.merger
    inputs = picture_inputs(EmotionQwenProcessor.from_pretrained(folder))
    with torch.no_grad():
        torch.testing.assert_close(model(**inputs).logits, source(**inputs).logits, atol=1e-5, rtol=1e-5)


def test_a_warm_general_expert_is_the_merger_and_then_its_layer_norm(tmp_path):
    source = write_qwen(tmp_path / "qwen")
    cold = load(init_from_qwen2_5_vl(tmp_path / "qwen", tmp_path / "cold").folder).model.visual.compressor
    warm = load(init_from_qwen2_5_vl(tmp_path / "qwen", tmp_path / "warm", warm_start=True).folder)
    compressor, merger = warm.model.visual.compressor, source.model.visual.merger
    patches = torch.randn(8, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        tokens = compressor.general_expert(compressor.norm(patches))
        torch.testing.assert_close(tokens, compressor.general_expert.norm(merger(patches)))
    for part in ("emotion_expert", "gating_network"):
        ours, theirs = compressor.get_submodule(part).state_dict(), cold.get_submodule(part).state_dict()
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize(("kind", "first"), [("mlp", "projection"), ("fusion", "first_projection")])
def test_the_baselines_start_warm_too(tmp_path, kind, first):
    source = write_qwen(tmp_path / "qwen")
    written = init_from_qwen2_5_vl(tmp_path / "qwen", tmp_path / "out", warm_start=True, projector_type=kind)
    projection = load(written.folder).model.visual.compressor.get_submodule(first)
    assert torch.equal(projection.linear_out.weight, source.model.visual.merger.mlp[2].weight)


def test_the_seed_draws_the_compressor(tmp_path):
    write_qwen(tmp_path / "qwen")
    gates = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        folder = init_from_qwen2_5_vl(tmp_path / "qwen", tmp_path / name, seed=seed).folder
        gates.append(load(folder).model.visual.compressor.gating_network.router.weight)
    assert torch.equal(gates[0], gates[1]) and not torch.equal(gates[0], gates[2])


def test_the_type_and_the_stops_are_the_sources(tmp_path):
    source = write_qwen(tmp_path / "qwen").to(torch.bfloat16)
    source.save_pretrained(tmp_path / "qwen")
    folder = init_from_qwen2_5_vl(tmp_path / "qwen", tmp_path / "out", max_shard_size="50KB").folder
    weights = [load_file(path) for path in folder.glob("model-*.safetensors")]
    assert len(weights) > 2 and {tensor.dtype for shard in weights for tensor in shard.values()} == {torch.bfloat16}
    model = EmotionQwenForConditionalGeneration.from_pretrained(folder, dtype="auto")
    assert model.dtype == torch.bfloat16
    assert model.generation_config.eos_token_id == source.generation_config.eos_token_id
    assert model.generation_config.temperature == 0.5


def test_pictures_become_the_patches_that_the_tower_knows(tmp_path):
    write_qwen(tmp_path / "qwen")
    folder = init_from_qwen2_5_vl(tmp_path / "qwen", tmp_path / "out").folder
    processor = EmotionQwenProcessor.from_pretrained(folder)
    picture = Image.new("RGB", (56, 84), (200, 30, 90))
    ours = processor.image_processor(picture, facial_emotion_capture=False, return_tensors="pt")["pixel_values"]
    theirs = Qwen2VLImageProcessor(image_mean=IMAGE_MEAN)(picture, return_tensors="pt")["pixel_values"]
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize("backbone", ["qwen", "llama"])
def test_prompts_of_a_batch_end_together(tmp_path, backbone):
    write_qwen(tmp_path / "qwen")
    write_llama(tmp_path / "llama")
    llama = {"text_backbone": tmp_path / "llama"} if backbone == "llama" else {}
    folder = init_from_qwen2_5_vl(tmp_path / "qwen", tmp_path / "out", **llama).folder
    processor = EmotionQwenProcessor.from_pretrained(folder)
    mask = processor(text=["How do they feel?", "Why?"], padding=True, return_tensors="pt")["attention_mask"]
    assert not mask.all() and mask[:, -1].all()


@pytest.mark.parametrize("tied", [True, False])
def test_a_llama_backbone_answers_text_as_before(tmp_path, tied):
    write_qwen(tmp_path / "qwen")
    source = write_llama(tmp_path / "llama", tied=tied)
    written = init_from_qwen2_5_vl(tmp_path / "qwen", tmp_path / "out", text_backbone=tmp_path / "llama")
    model, tokens = load(written.folder), sentence(llama_tokenizer())
    with torch.no_grad():
        ours, theirs = model(input_ids=tokens).logits, source(input_ids=tokens).logits
    torch.testing.assert_close(ours[..., : theirs.shape[-1]], theirs, atol=1e-5, rtol=1e-5)
    assert not model.config.uses_mrope and model.config.tie_word_embeddings == tied


def test_new_tokens_of_a_llama_start_as_old_ones_of_the_same_meaning_or_their_mean(tmp_path):
    write_qwen(tmp_path / "qwen")
    source = write_llama(tmp_path / "llama")
    written = init_from_qwen2_5_vl(tmp_path / "qwen", tmp_path / "out", text_backbone=tmp_path / "llama")
    model, tokenizer = load(written.folder), EmotionQwenProcessor.from_pretrained(written.folder).tokenizer
    for ours, theirs in (
        (model.get_input_embeddings().weight, source.get_input_embeddings().weight),
        (model.lm_head.weight, source.lm_head.weight),
    ):
        row = dict(zip(tokenizer.convert_ids_to_tokens(range(len(tokenizer))), ours, strict=True))
        assert torch.equal(row["<|im_end|>"], row["<|eot_id|>"])
        assert torch.equal(row["<|im_start|>"], row["<|start_header_id|>"])
        assert torch.equal(ours[: len(theirs)], theirs)
        torch.testing.assert_close(row["<|image_pad|>"], theirs.mean(dim=0))
        torch.testing.assert_close(row["<|vision_end|>"], theirs.mean(dim=0))


def test_a_llama_backbone_reads_a_text_from_its_beginning_token_once(tmp_path):
    write_qwen(tmp_path / "qwen")
    write_llama(tmp_path / "llama")
    written = init_from_qwen2_5_vl(tmp_path / "qwen", tmp_path / "out", text_backbone=tmp_path / "llama")
    processor = EmotionQwenProcessor.from_pretrained(written.folder)
    messages = [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}]
    options = {"tokenize": True, "return_dict": True, "return_tensors": "pt"}
    from_template = processor.apply_chat_template(messages, **options)["input_ids"]
    from_text = processor(text=[processor.apply_chat_template(messages, tokenize=False)], return_tensors="pt")
    assert torch.equal(from_template, from_text["input_ids"])
    assert (from_template == processor.tokenizer.bos_token_id).nonzero().tolist() == [[0, 0]]
    assert processor.tokenizer.eos_token == "<|im_end|>"
    assert "<|image_pad|>" in processor.tokenizer.all_special_tokens


def test_what_starts_from_a_llama_looks_at_a_picture(tmp_path, portrait):
    write_qwen(tmp_path / "qwen")
    write_llama(tmp_path / "llama")
    written = init_from_qwen2_5_vl(
        tmp_path / "qwen", tmp_path / "out", text_backbone=tmp_path / "llama", warm_start=True
    )
    analyzer = EmotionAnalyzer.from_pretrained(written.folder, device="cpu")
    analysis = analyzer.analyze(portrait, facial_emotion_capture=False, max_new_tokens=2)
    assert sum(analysis.probabilities.values()) == pytest.approx(1, abs=1e-4)
    assert "second one spoke to another" in written.notes[-1]


def remove_shard(folder: Path) -> None:
    next(folder.glob("model-00002-*")).unlink()


def damage_shard(folder: Path) -> None:
    next(folder.glob("model-00002-*")).write_bytes(b"no weights")


def remove_weight(folder: Path) -> None:
    shard = next(path for path in folder.glob("*.safetensors") if "visual.blocks.1.norm1.weight" in load_file(path))
    save_file({k: v for k, v in load_file(shard).items() if k != "visual.blocks.1.norm1.weight"}, shard)


def add_weight(folder: Path) -> None:
    shard = next(folder.glob("model-00001-*"))
    save_file(load_file(shard) | {"audio.conv.weight": torch.zeros(2)}, shard)


def widen_weight(folder: Path) -> None:
    shard = next(path for path in folder.glob("*.safetensors") if "visual.blocks.1.norm1.weight" in load_file(path))
    save_file(load_file(shard) | {"visual.blocks.1.norm1.weight": torch.zeros(7)}, shard)


def change_architecture(folder: Path) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model_type": "qwen2_vl"}))


def list_config(folder: Path) -> None:
    (folder / "config.json").write_text("[1]")


def list_index(folder: Path) -> None:
    (folder / "model.safetensors.index.json").write_text("[1]")


def remove_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


def remove_preprocessor(folder: Path) -> None:
    (folder / "preprocessor_config.json").unlink()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (remove_shard, "lacks model-00002"),
        (damage_shard, "is damaged"),
        (remove_weight, "lacks 1 of .*blocks.1.norm1.weight"),
        (add_weight, "no place for 1 of .* audio.conv.weight"),
        (widen_weight, "norm1.weight is"),
        (change_architecture, "'qwen2_vl' model, not Qwen2.5-VL"),
        (list_config, "no readable config.json"),
        (list_index, "not an index of weights"),
        (remove_tokenizer, "tokenizer"),
        (remove_preprocessor, "preprocessor_config.json"),
    ],
)
def test_a_source_that_is_not_whole_is_one_sentence_and_no_folder(tmp_path, spoil, said):
    write_qwen(tmp_path / "qwen")
    spoil(tmp_path / "qwen")
    with pytest.raises(ValueError, match=said) as caught:
        init_from_qwen2_5_vl(tmp_path / "qwen", tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["qwen"]


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    write_qwen(tmp_path / "qwen")
    with pytest.raises(FileExistsError, match="name a new folder"):
        init_from_qwen2_5_vl(tmp_path / "qwen", tmp_path / "qwen")
