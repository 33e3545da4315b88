"""Configuration of Emotion-Qwen: Qwen2.5-VL's vision tower, a compressor, and a text backbone."""

from typing import Any, Literal

from huggingface_hub.dataclasses import strict
from transformers import CONFIG_MAPPING, AutoConfig, PreTrainedConfig, Qwen2_5_VLTextConfig
from transformers.models.qwen2_5_vl.configuration_qwen2_5_vl import Qwen2_5_VLVisionConfig

ProjectorType = Literal["hybrid", "mlp", "fusion"]
"""What compresses 2x2 patches into one token: the paper's Hybrid Compressor, or one of its two baselines."""

COMPRESSOR_SETTINGS = ("projector_type", "gate_num_heads", "gate_hidden_size", "fusion_hidden_size")

# The text backbone of the paper's 7B model, used where no `text_config` is given.
QWEN2_5_7B_TEXT = {
    "hidden_size": 3584,
    "intermediate_size": 18944,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "max_window_layers": 28,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0, "mrope_section": [16, 24, 24]},
}


@strict
class EmotionQwenVisionConfig(Qwen2_5_VLVisionConfig):
    """Vision tower and compressor settings. The defaults are the paper's 7B shape (d_v 1280, d_t 3584).

    Everything that is not listed here is as in `Qwen2_5_VLVisionConfig`.

    Args:
        hidden_size: Width d_v of the patch embeddings.
        out_hidden_size: Width d_t of the visual tokens; equals the hidden size of the text backbone.
        projector_type: What compresses 2x2 patches into one token: `"hybrid"` (the paper's Hybrid Compressor),
            `"mlp"` or `"fusion"` (the two baselines of Tables 5 and 6, Figure 5).
        gate_num_heads: Heads of the gating network's self-attention; `None` takes the vision tower's `num_heads`.
        gate_hidden_size: Width of the two blocks that follow the gating network's attention (Figure 2).
        fusion_hidden_size: Hidden width of the MLP that makes the Fusion projector's ratio.

    Raises:
        StrictDataclassError: A setting has the wrong type, or `gate_num_heads` does not divide `hidden_size`.
    """

    model_type = "emotion_qwen_vision"

    hidden_size: int = 1280
    projector_type: ProjectorType = "hybrid"
    gate_num_heads: int | None = None
    gate_hidden_size: int = 16
    fusion_hidden_size: int = 4

    def __post_init__(self, **kwargs: Any) -> None:
        """Gives the gate as many heads as the vision tower has, unless their number is given."""
        if self.gate_num_heads is None:
            self.gate_num_heads = self.num_heads
        super().__post_init__(**kwargs)

    def validate_gate_heads(self) -> None:
        """Checks that every head of the gating network gets the same number of channels."""
        if self.gate_num_heads < 1 or self.hidden_size % self.gate_num_heads:
            raise ValueError(
                f"gate_num_heads ({self.gate_num_heads}) must divide the vision hidden_size ({self.hidden_size})."
            )


@strict
class EmotionQwenConfig(PreTrainedConfig):
    """Configuration of the whole model.

    The compressor settings (`projector_type`, `gate_num_heads`, `gate_hidden_size`, `fusion_hidden_size`) may be given
    here too; they are kept in `vision_config`, where the compressor is built.

    Args:
        text_config: The text backbone, a config or its dict with a `model_type`: `"qwen2_5_vl_text"` (the default, at
            the 7B shape), or any causal decoder that `AutoModel` knows, such as `"llama"`.
        vision_config: An `EmotionQwenVisionConfig` or its dict. A dict without `out_hidden_size` takes the hidden
            size of the text backbone.
        image_token_id: Token that stands for one visual token of an image.
        video_token_id: Token that stands for one visual token of a video.
        vision_start_token_id: Token before the visual tokens of an item.
        vision_end_token_id: Token after the visual tokens of an item.
        tie_word_embeddings: Whether the output head shares the weights of the input embeddings.

    Raises:
        StrictDataclassError: A setting has the wrong type, or visual tokens are not as wide as text embeddings.
    """

    model_type = "emotion_qwen"
    sub_configs = {"vision_config": EmotionQwenVisionConfig, "text_config": AutoConfig}
    # What transformers' trainer does not gather as predictions. The cache has the second name since transformers 5.24.
    keys_to_ignore_at_inference = ["past_key_values", "cache", "image_outputs", "video_outputs"]

    text_config: dict | PreTrainedConfig | None = None
    vision_config: dict | PreTrainedConfig | None = None
    image_token_id: int = 151655
    video_token_id: int = 151656
    vision_start_token_id: int = 151652
    vision_end_token_id: int = 151653
    tie_word_embeddings: bool = False

    def __post_init__(self, **kwargs: Any) -> None:
        """Builds the two sub-configs and hands the compressor settings to the vision config."""
        compressor_settings = {name: kwargs.pop(name) for name in COMPRESSOR_SETTINGS if name in kwargs}
        self.text_config = self._build_text_config(self.text_config)
        self.vision_config = self._build_vision_config(self.vision_config, compressor_settings)
        super().__post_init__(**kwargs)

    @staticmethod
    def _build_text_config(text_config: dict | PreTrainedConfig | None) -> PreTrainedConfig:
        if text_config is None:
            return Qwen2_5_VLTextConfig(**QWEN2_5_7B_TEXT)
        if not isinstance(text_config, dict):
            return text_config
        model_type = text_config.get("model_type", Qwen2_5_VLTextConfig.model_type)
        return CONFIG_MAPPING[model_type](**text_config)

    def _build_vision_config(
        self, vision_config: dict | PreTrainedConfig | None, compressor_settings: dict[str, Any]
    ) -> PreTrainedConfig:
        if vision_config is None or isinstance(vision_config, dict):
            settings = {"out_hidden_size": self.text_config.hidden_size} | (vision_config or {}) | compressor_settings
            return self.sub_configs["vision_config"](**settings)
        for name, value in compressor_settings.items():
            setattr(vision_config, name, value)
        return vision_config

    def validate_token_width(self) -> None:
        """Checks that visual tokens fit among the text embeddings."""
        if self.vision_config.out_hidden_size != self.text_config.hidden_size:
            raise ValueError(
                f"vision_config.out_hidden_size ({self.vision_config.out_hidden_size}) must equal "
                f"text_config.hidden_size ({self.text_config.hidden_size})."
            )

    @property
    def projector_type(self) -> ProjectorType:
        """The kind of compressor, as `vision_config` has it."""
        return self.vision_config.projector_type

    @property
    def uses_mrope(self) -> bool:
        """Whether the text backbone takes Qwen2.5-VL's three position axes (time, height, width)."""
        rope_parameters = getattr(self.text_config, "rope_parameters", None) or {}
        return self.text_config.model_type == Qwen2_5_VLTextConfig.model_type or "mrope_section" in rope_parameters


__all__ = ["EmotionQwenConfig", "EmotionQwenVisionConfig"]
