"""Tiny folders of the models that Emotion-Qwen starts from, as their publishers lay them out."""

import json
from pathlib import Path

import torch
from tokenizers import processors
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2VLImageProcessor,
)

from ..modeling_emotion_qwen.tiny import randomise
from ..modeling_emotion_qwen.tiny_checkpoint import TEXT, VISION
from ..tiny_tokenizer import byte_tokenizer, tiny_tokenizer

IMAGE_MEAN = [0.4, 0.5, 0.6]


def write_qwen(
    folder: Path, *, legacy: bool = True, tied: bool = False, spare_rows: int = 5, max_shard_size: str = "40KB"
) -> Qwen2_5_VLForConditionalGeneration:
    """Writes a random Qwen2.5-VL of two layers, sharded.

    Args:
        legacy: Names as the published files have them (`visual.…`, `model.layers.…`), and a flat config; else as
            newer releases have them.
        tied: Whether the output head is the embeddings.
        spare_rows: Rows of the embeddings beyond the tokenizer's tokens.
    """
    tokenizer = tiny_tokenizer()
    token_id = tokenizer.convert_tokens_to_ids
    config = Qwen2_5_VLConfig(
        text_config=TEXT | {"vocab_size": len(tokenizer) + spare_rows},
        vision_config=dict(VISION),
        image_token_id=token_id("<|image_pad|>"),
        video_token_id=token_id("<|video_pad|>"),
        vision_start_token_id=token_id("<|vision_start|>"),
        vision_end_token_id=token_id("<|vision_end|>"),
        tie_word_embeddings=tied,
    )
    model = Qwen2_5_VLForConditionalGeneration(config).eval()
    randomise(model)
    model.tie_weights()
    model.generation_config.update(eos_token_id=[token_id("<|im_end|>")], temperature=0.5, do_sample=True)
    model.save_pretrained(folder, max_shard_size=max_shard_size, save_original_format=legacy)
    if legacy:
        _flatten_config(folder / "config.json")
    tokenizer.save_pretrained(folder)
    image_processor = Qwen2VLImageProcessor(image_mean=IMAGE_MEAN)
    image_processor.save_pretrained(folder)
    return model


def write_llama(folder: Path, *, tied: bool = False, max_shard_size: str = "40KB") -> LlamaForCausalLM:
    """Writes a random Llama 3 of two layers, sharded, with a tokenizer that begins every text with its own token."""
    tokenizer = llama_tokenizer()
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=40,
        intermediate_size=56,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        tie_word_embeddings=tied,
    )
    model = LlamaForCausalLM(config).eval()
    randomise(model)
    model.tie_weights()
    model.save_pretrained(folder, max_shard_size=max_shard_size)
    tokenizer.save_pretrained(folder)
    return model


def llama_tokenizer() -> PreTrainedTokenizerFast:
    """One token per byte, and Llama 3's special tokens."""
    begin = "<|begin_of_text|>"
    tokenizer = byte_tokenizer(
        bos_token=begin,
        eos_token="<|eot_id|>",
        additional_special_tokens=["<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>"],
    )
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A", pair=f"{begin} $A {begin} $B", special_tokens=[(begin, tokenizer.bos_token_id)]
    )
    return tokenizer


def sentence(tokenizer: PreTrainedTokenizerFast, text: str = "How does she look?") -> torch.Tensor:
    """Token ids of a text, `(1, length)`, without special tokens."""
    return tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]


def _flatten_config(path: Path) -> None:
    """Rewrites a config as the published ones are: the text model's fields at the top."""
    config = json.loads(path.read_text())
    text = config.pop("text_config")
    text.pop("model_type")
    rope = text.pop("rope_parameters")
    text["rope_theta"] = rope["rope_theta"]
    text["rope_scaling"] = {"type": "mrope", "mrope_section": rope["mrope_section"]}
    config["torch_dtype"] = config.pop("dtype", "float32")
    path.write_text(json.dumps(text | config))
