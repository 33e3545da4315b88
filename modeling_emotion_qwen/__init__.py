"""Emotion-Qwen: configuration, compressor and models."""

from .configuration_emotion_qwen import EmotionQwenConfig, EmotionQwenVisionConfig
from .hybrid_compressor import HybridCompressor, mean_gate_weights
from .modeling_emotion_qwen import (
    EmotionQwenForConditionalGeneration,
    EmotionQwenModel,
    EmotionQwenPreTrainedModel,
    EmotionQwenVisionModel,
)

__all__ = [
    "EmotionQwenConfig",
    "EmotionQwenForConditionalGeneration",
    "EmotionQwenModel",
    "EmotionQwenPreTrainedModel",
    "EmotionQwenVisionConfig",
    "EmotionQwenVisionModel",
    "HybridCompressor",
    "mean_gate_weights",
]
