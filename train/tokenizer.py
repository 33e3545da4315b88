"""A small byte-level BPE tokenizer in Qwen2's format, learnt from the sentences that a small model is to speak."""

import json
from collections.abc import Iterable

from tokenizers import pre_tokenizers, trainers
from transformers import Qwen2Tokenizer

END_OF_TEXT = "<|endoftext|>"
END_OF_TURN = "<|im_end|>"
MEDIA_TOKENS = {
    "image_token": "<|image_pad|>",
    "video_token": "<|video_pad|>",
    "vision_bos_token": "<|vision_start|>",
    "vision_eos_token": "<|vision_end|>",
}
"""Tokens that the processor looks up by these names."""
SPECIAL_TOKENS = (
    END_OF_TEXT,
    "<|im_start|>",
    END_OF_TURN,
    "<|object_ref_start|>",
    "<|object_ref_end|>",
    "<|box_start|>",
    "<|box_end|>",
    "<|quad_start|>",
    "<|quad_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
"""Qwen2.5-VL's special tokens, in its order."""


def train_tokenizer(sentences: Iterable[str], vocabulary_size: int) -> Qwen2Tokenizer:
    """Learns a tokenizer.

    Every byte is a token of its own, so that any text, in any script, comes back as it went in (up to Unicode's NFC,
    which Qwen2's tokenizer applies).

    Args:
        sentences: What the merges are learnt from.
        vocabulary_size: Tokens in all, special ones included: 256 bytes and these at least.

    Returns:
        The tokenizer; its tokens are numbered bytes first, then merges, then special tokens.

    Raises:
        ValueError: If the vocabulary can't hold every byte and special token.
    """
    merges = vocabulary_size - len(SPECIAL_TOKENS)
    if merges < 256:
        raise ValueError(f"A vocabulary of {vocabulary_size} can't hold 256 bytes and {len(SPECIAL_TOKENS)} tokens.")
    backend = Qwen2Tokenizer(vocab={}, merges=[]).backend_tokenizer
    trainer = trainers.BpeTrainer(
        vocab_size=merges, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False
    )
    backend.train_from_iterator(sentences, trainer)
    model = json.loads(backend.to_str())["model"]
    vocabulary = {token: index for token, index in model["vocab"].items() if token not in SPECIAL_TOKENS}
    vocabulary |= {token: len(vocabulary) + index for index, token in enumerate(SPECIAL_TOKENS)}
    return Qwen2Tokenizer(
        vocab=vocabulary,
        merges=[tuple(merge) for merge in model["merges"]],
        unk_token=None,
        eos_token=END_OF_TURN,
        pad_token=END_OF_TEXT,
        padding_side="left",  # answers continue prompts, which have to end together
        extra_special_tokens={**MEDIA_TOKENS, **{f"special_{i}": token for i, token in enumerate(SPECIAL_TOKENS)}},
        model_max_length=8192,
    )
