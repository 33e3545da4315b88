"""Emotion-Qwen for transformers: configuration, compressor, models and Hub export.

Importing it makes transformers' Auto classes know Emotion-Qwen.
"""

from .auto_registration import register_auto_classes
from .configuration_emotion_qwen import EmotionQwenConfig, EmotionQwenVisionConfig
from .hub_export import export_to_hub
from .hybrid_compressor import HybridCompressor, mean_gate_weights
from .modeling_emotion_qwen import (
    EmotionQwenForConditionalGeneration,
    EmotionQwenModel,
    EmotionQwenPreTrainedModel,
    EmotionQwenVisionModel,
)

register_auto_classes()

__all__ = [
    "EmotionQwenConfig",
    "EmotionQwenForConditionalGeneration",
    "EmotionQwenModel",
    "EmotionQwenPreTrainedModel",
    "EmotionQwenVisionConfig",
    "EmotionQwenVisionModel",
    "HybridCompressor",
    "export_to_hub",
    "mean_gate_weights",
]
