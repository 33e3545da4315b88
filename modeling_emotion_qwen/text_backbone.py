"""A causal language model's weights as Emotion-Qwen's text backbone, with rows for new tokens."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from transformers import AutoConfig, PreTrainedConfig

from .weight_files import ConversionError, TensorSources, WeightFolder

EMBEDDINGS = "model.language_model.embed_tokens.weight"
HEAD = "lm_head.weight"
# Early Llama files carry these buffers; the model computes them.
_COMPUTED = re.compile(r"\.rotary_emb\.inv_freq$")


@dataclass(frozen=True)
class NewTokens:
    """Tokens that were added to a tokenizer.

    Attributes:
        rows: Number of token ids, old and new.
        likenesses: For each new token's id, the id of the old token whose rows it starts from, or None to start from
            the mean of all old tokens, which keeps its logit below those of likely tokens.
    """

    rows: int
    likenesses: Mapping[int, int | None] = field(default_factory=dict)


def read_text_config(folder: str | Path, new_tokens: NewTokens, **token_ids: int | None) -> PreTrainedConfig:
    """Read a causal language model's config, with room for new tokens.

    Args:
        folder: Local folder of the language model.
        new_tokens: The tokens added to its tokenizer.
        **token_ids: `bos_token_id`, `eos_token_id` and `pad_token_id` of the extended tokenizer.

    Raises:
        ConversionError: If there is no config that transformers knows.
    """
    try:
        config = AutoConfig.from_pretrained(folder)
    except (OSError, ValueError) as error:
        raise ConversionError(f"{str(folder)!r} has no config of a language model.") from error
    config.vocab_size = max(config.vocab_size, new_tokens.rows)
    for name, token_id in token_ids.items():
        setattr(config, name, token_id)
    return config


def text_backbone_sources(
    weights: WeightFolder, tie_word_embeddings: bool, new_tokens: NewTokens | None = None
) -> TensorSources:
    """Name a causal language model's weights as Emotion-Qwen does.

    Args:
        weights: Its folder, with `model.…` and `lm_head.weight`.
        tie_word_embeddings: Whether the output head shares the embeddings and so has no weights of its own.
        new_tokens: Tokens that its embeddings and head have no rows for, or rows that were never trained.

    Returns:
        The source of each weight of `model.language_model`, and of `lm_head` unless it is tied.
    """
    sources = {
        re.sub(r"^model\.", "model.language_model.", name): weights.reader(name)
        for name in weights.names
        if not _COMPUTED.search(name) and not (name == HEAD and tie_word_embeddings)
    }
    if new_tokens is not None:
        for name in (EMBEDDINGS, HEAD):
            if name in sources:
                sources[name] = _extended(sources[name], new_tokens)
    return sources


def extend_rows(weight: torch.Tensor, new_tokens: NewTokens) -> torch.Tensor:
    """Append and fill rows of embeddings, or of an output head, for new tokens.

    Args:
        weight: `(old rows, width)`; it may have spare rows.
        new_tokens: The new tokens.

    Returns:
        `(max(old rows, new_tokens.rows), width)` in the dtype of `weight`; rows of old tokens are unchanged.
    """
    extended = weight.new_empty(max(len(weight), new_tokens.rows), weight.shape[1])
    extended[: len(weight)] = weight
    known = min([len(weight), *new_tokens.likenesses])
    mean = weight[:known].mean(dim=0, dtype=torch.float32).to(weight.dtype)
    extended[len(weight) :] = mean
    for token_id, likeness in new_tokens.likenesses.items():
        extended[token_id] = mean if likeness is None else weight[likeness]
    return extended


def _extended(source: Callable[[], torch.Tensor], new_tokens: NewTokens) -> Callable[[], torch.Tensor]:
    return lambda: extend_rows(source(), new_tokens)


__all__ = ["NewTokens", "extend_rows", "read_text_config", "text_backbone_sources"]
