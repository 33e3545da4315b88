"""The processor of a model that starts from another one's folder."""

import pytest

from emotion_qwen.processing import starting_processor
from emotion_qwen.processing.starting_processor import load_tokenizer


@pytest.mark.parametrize(
    ("message", "reason"),
    [("\n  it is damaged\nat line 3", "it is damaged"), ("\n", "RuntimeError"), ("", "RuntimeError")],
)
def test_a_tokenizer_that_cannot_be_loaded_has_a_reason(monkeypatch, tmp_path, message, reason):
    def fail(*args, **kwargs):
        raise RuntimeError(message)

    monkeypatch.setattr(starting_processor.AutoTokenizer, "from_pretrained", fail)
    with pytest.raises(ValueError, match=f"can't be loaded: {reason}$"):
        load_tokenizer(tmp_path)
