"""Whether a processor's tokens are those of a model."""

from emotion_qwen.processing.processing_emotion_qwen import EmotionQwenProcessor

from .configuration_emotion_qwen import EmotionQwenConfig


def check_tokens(processor: EmotionQwenProcessor, config: EmotionQwenConfig) -> None:
    """Refuse a processor whose tokenizer is another model's.

    Args:
        processor: The processor.
        config: The model's config.

    Raises:
        ValueError: If its media tokens are not the model's, or it has more tokens than the model.
    """
    for name in ("image_token_id", "video_token_id"):
        ours, theirs = getattr(config, name), getattr(processor, name)
        if ours != theirs:
            raise ValueError(f"{name} is {ours} in the model's config and {theirs} in the processor's tokenizer.")
    tokens, rows = len(processor.tokenizer), config.text_config.vocab_size
    if tokens > rows:
        raise ValueError(f"The tokenizer has {tokens} tokens, the model only {rows}.")


__all__ = ["check_tokens"]
