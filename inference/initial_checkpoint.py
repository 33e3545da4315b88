"""A checkpoint to train from, made of another model's folder: weights, config, processor and chat template."""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from transformers import GenerationConfig, PreTrainedConfig, PreTrainedTokenizerBase

from emotion_qwen.configuration_emotion_qwen import EmotionQwenConfig, ProjectorType
from emotion_qwen.from_authors import authors_sources, experts_have_norms, gate_width, read_authors_config
from emotion_qwen.from_qwen2_5_vl import (
    MERGER,
    build_config,
    compressor_sources,
    qwen_sources,
    read_qwen_config,
    warm_start_sources,
    write_model,
)
from emotion_qwen.processing.starting_processor import (
    END_OF_TURN,
    VISION_TOKENS,
    build_processor,
    extend_tokenizer,
    load_tokenizer,
)
from emotion_qwen.text_backbone import EMBEDDINGS, HEAD, NewTokens, read_text_config, text_backbone_sources
from emotion_qwen.weight_files import DEFAULT_SHARD_SIZE, ConversionError, TensorSources, WeightFolder
from emotion_qwen.whole_folder import appearing_whole, free_folder

from .json_file import read_settings

_LANGUAGE = ("model.language_model.", "lm_head.")
_GENERATION_CONFIG = "generation_config.json"


@dataclass(frozen=True)
class InitialCheckpoint:
    """A checkpoint that was written.

    Attributes:
        folder: Its folder, which `EmotionAnalyzer.from_pretrained`, recipes and the Auto classes load.
        notes: What was taken from the source and what was not, one sentence each.
    """

    folder: Path
    notes: tuple[str, ...]


def init_from_qwen2_5_vl(
    source: str | Path,
    output: str | Path,
    *,
    text_backbone: str | Path | None = None,
    warm_start: bool = False,
    projector_type: ProjectorType = "hybrid",
    seed: int = 0,
    max_shard_size: int | str = DEFAULT_SHARD_SIZE,
) -> InitialCheckpoint:
    """Make an Emotion-Qwen of a Qwen2.5-VL: its vision tower and language model, and a new compressor.

    Weights are read and written one shard at a time.

    Args:
        source: Local folder of Qwen2.5-VL, of any size and release (safetensors).
        output: The folder to write. It must not exist, or be empty.
        text_backbone: Local folder of another causal language model, such as Llama 3, to be used instead of Qwen2.5;
            its tokenizer is extended by the tokens of media and turns.
        warm_start: Whether the general expert starts from the merger; see `emotion_qwen.from_qwen2_5_vl` for what
            that preserves.
        projector_type: The kind of compressor.
        seed: Seed of the compressor's random weights.
        max_shard_size: Largest size of a weight file, in bytes or as "5GB".

    Raises:
        ValueError: If a folder is not what it should be.
        FileExistsError: If there is something at `output`.
    """
    target = free_folder(output)
    qwen, weights = read_qwen_config(source), WeightFolder(source)
    taken = qwen_sources(weights)
    notes = ["The vision tower comes from the source, weight by weight."]
    if text_backbone is None:
        tokenizer, generation = load_tokenizer(source), _generation_config(source)
        config = build_config(qwen, projector_type)
        if config.tie_word_embeddings:
            taken.pop(HEAD, None)
        notes.append("So does the language model: answers to text alone are the source's.")
    else:
        tokenizer, new_tokens = _extended_tokenizer(text_backbone)
        config = build_config(
            qwen, projector_type, _text_config(text_backbone, tokenizer, new_tokens), **_ids(tokenizer)
        )
        generation = _stops(tokenizer, config, text_backbone)
        taken = {name: read for name, read in taken.items() if not name.startswith(_LANGUAGE)}
        taken |= text_backbone_sources(WeightFolder(text_backbone), config.tie_word_embeddings, new_tokens)
        notes.append(f"The language model is the text backbone, with {len(new_tokens.likenesses)} new tokens.")
    compressor = compressor_sources(config, seed)
    if warm_start:
        compressor |= warm_start_sources(taken, projector_type, keeps_backbone=text_backbone is None)
    notes.append(_compressor_note(warm_start, text_backbone is None))
    taken = {name: read for name, read in taken.items() if not name.startswith(MERGER)} | compressor
    write_checkpoint(target, source, config, taken, tokenizer, generation, max_shard_size)
    return InitialCheckpoint(target, tuple(notes))


def init_from_authors(
    source: str | Path,
    output: str | Path,
    *,
    first_gate_output: Literal["general", "emotion"] = "general",
    pools_before_gate: bool = True,
    max_shard_size: int | str = DEFAULT_SHARD_SIZE,
) -> InitialCheckpoint:
    """Make an Emotion-Qwen of the checkpoint that the paper's authors published. Never tried on the real file.

    `emotion_qwen.from_authors` says what is known of that file, and what the conversion preserves.

    Args:
        source: Local folder of the published checkpoint (safetensors, config, tokenizer, preprocessor config).
        output: The folder to write. It must not exist, or be empty.
        first_gate_output: Which expert the first of the gate's outputs weighs.
        pools_before_gate: Whether the gate attends to the mean of all patches, instead of the patches.
        max_shard_size: Largest size of a weight file, in bytes or as "5GB".

    Raises:
        ValueError: If the folder is not laid out as known, with the layers that could not be placed.
        FileExistsError: If there is something at `output`.
    """
    target = free_folder(output)
    config = build_config(read_authors_config(read_settings(Path(source) / "config.json", ConversionError)))
    weights = WeightFolder(source)
    hidden_size = config.vision_config.hidden_size
    config.vision_config.gate_hidden_size = gate_width(weights, hidden_size)
    sources = authors_sources(weights, config, first_gate_output, pools_before_gate)
    merger = [name for name in sources if name.startswith(MERGER)]
    sources = {name: source for name, source in sources.items() if name not in merger}
    notes = [
        "This conversion was written from outside accounts and never ran on the authors' file: check its answers.",
        "The gate is not the authors' exactly; measure it on faces and other pictures before relying on it.",
    ]
    if not experts_have_norms(weights, hidden_size):
        notes.append("The file's experts take patches as they are, ours normalise them: tune them before use.")
    if merger:
        notes.append(
            "The file's tower has a merger of its own, which is left out: the compressors stand in its place."
        )
    write_checkpoint(
        target, source, config, sources, load_tokenizer(source), _generation_config(source), max_shard_size
    )
    return InitialCheckpoint(target, tuple(notes))


def write_checkpoint(
    target: Path,
    source: str | Path,
    config: EmotionQwenConfig,
    sources: TensorSources,
    tokenizer: PreTrainedTokenizerBase,
    generation: GenerationConfig,
    max_shard_size: int | str,
) -> None:
    """Write weights, config, generation settings and processor; the folder appears whole or not at all.

    Args:
        target: The folder.
        source: Folder with the settings of the vision tower's image processor.
        config: The model's config.
        sources: The source of each weight.
        tokenizer: The tokenizer, with the tokens of media and turns.
        generation: Settings of generation, such as the tokens that end an answer.
        max_shard_size: Largest size of a weight file.
    """
    vision = config.vision_config
    processor = build_processor(
        source,
        tokenizer,
        patch_size=vision.patch_size,
        temporal_patch_size=vision.temporal_patch_size,
        merge_size=vision.spatial_merge_size,
    )
    with appearing_whole(target) as folder:
        write_model(config, sources, folder, _dtype(sources), max_shard_size)
        generation.save_pretrained(folder)
        processor.save_pretrained(folder)


def _dtype(sources: TensorSources) -> torch.dtype:
    """The data type of the language model, which is most of the weights."""
    return sources[EMBEDDINGS]().dtype if EMBEDDINGS in sources else torch.float32


def _extended_tokenizer(folder: str | Path) -> tuple[PreTrainedTokenizerBase, NewTokens]:
    tokenizer = load_tokenizer(folder)
    likenesses = extend_tokenizer(tokenizer)
    return tokenizer, NewTokens(len(tokenizer), likenesses)


def _ids(tokenizer: PreTrainedTokenizerBase) -> dict[str, int]:
    return {name: tokenizer.convert_tokens_to_ids(token) for name, token in VISION_TOKENS.items()}


def _text_config(folder: str | Path, tokenizer: PreTrainedTokenizerBase, new_tokens: NewTokens) -> PreTrainedConfig:
    names = ("bos_token_id", "eos_token_id", "pad_token_id")
    return read_text_config(folder, new_tokens, **{name: getattr(tokenizer, name) for name in names})


def _generation_config(folder: str | Path) -> GenerationConfig:
    if (Path(folder) / _GENERATION_CONFIG).is_file():
        return GenerationConfig.from_pretrained(folder, local_files_only=True)
    return GenerationConfig()


def _stops(
    tokenizer: PreTrainedTokenizerBase, config: EmotionQwenConfig, text_backbone: str | Path
) -> GenerationConfig:
    """The text backbone's settings of generation; answers also end at the chat template's end of a turn."""
    generation = copy.deepcopy(_generation_config(text_backbone))
    old = generation.eos_token_id
    old = old if isinstance(old, list) else [old] if old is not None else []
    end = tokenizer.convert_tokens_to_ids(END_OF_TURN)
    generation.eos_token_id = [end, *(token_id for token_id in old if token_id != end)]
    generation.bos_token_id, generation.pad_token_id = config.text_config.bos_token_id, tokenizer.pad_token_id
    return generation


def _compressor_note(warm_start: bool, keeps_backbone: bool) -> str:
    if not warm_start:
        return "The compressor is new and knows nothing: the model sees only after stage 1."
    if keeps_backbone:
        return (
            "The general expert starts from the merger (norm and both linear layers): the directions of its tokens "
            "are kept, their lengths are not, and the emotion expert and the gate are new."
        )
    return (
        "The general expert starts from the merger's norm and first linear layer; its second one spoke to another "
        "language model and is new, as the emotion expert and the gate are."
    )
