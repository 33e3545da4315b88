"""Which layers of Emotion-Qwen an adapter changes."""

LANGUAGE_MODEL_LAYERS = (
    r"^(?:.*\.)?language_model\.layers\.\d+\.(?:self_attn\.(?:q|k|v|o)_proj|mlp\.(?:gate|up|down)_proj)$"
)
"""PEFT's `target_modules` for emotional tuning: every linear layer of the language model's blocks, and no other.

The vision tower and the compressor stay as they are (Table 3), so what the model sees does not depend on the adapter.
A list of suffixes, or PEFT's "all-linear", would also take the vision tower's `mlp`.
"""

__all__ = ["LANGUAGE_MODEL_LAYERS"]
