"""Exceptions of inference, each carrying one sentence a person can act on.

Media that can't be read raise `emotion_qwen.processing.MediaError`.
"""


class CheckpointError(ValueError):
    """A checkpoint can't be loaded: not found, a file missing or damaged, or of another architecture."""


class AdapterError(ValueError):
    """An adapter can't be applied: a file missing, made for another model, or PEFT not installed."""


class QuestionError(ValueError):
    """A question can't be asked: empty, longer than the model reads, or with a special token in it."""


class OutputError(OSError):
    """A result can't be written where it was asked for."""
