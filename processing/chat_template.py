"""The chat template that this package ships, for processors built in code."""

from importlib.resources import files


def load_chat_template() -> str:
    """Return Emotion-Qwen's chat template (Jinja).

    It is Qwen2.5-VL's format, with markers around what the assistant says: the content and its `<|im_end|>`. The
    newline after that belongs to the format; the model never has to generate it.
    """
    return files("emotion_qwen.processing").joinpath("chat_template.jinja").read_text(encoding="utf-8")
