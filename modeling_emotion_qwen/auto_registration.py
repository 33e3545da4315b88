"""Makes transformers' Auto classes know Emotion-Qwen inside this package.

In an exported folder, which this file is not part of, the `auto_map` entries of the JSON files do its work.
"""

from transformers import AutoConfig, AutoModel, AutoModelForImageTextToText, AutoModelForMultimodalLM

from emotion_qwen.processing.auto_registration_processing import register_processors

from .configuration_emotion_qwen import EmotionQwenConfig
from .modeling_emotion_qwen import EmotionQwenForConditionalGeneration

# Each of them gives the model that generates, `AutoModel` included: its users call `generate` on what it returns.
MODEL_AUTO_CLASSES = (AutoModel, AutoModelForImageTextToText, AutoModelForMultimodalLM)


def register_auto_classes() -> None:
    """Registers the config, the model that generates and the processors with transformers.

    Registering twice is harmless. From then on these classes win over code in a checkpoint folder, also with
    `trust_remote_code=True`.
    """
    AutoConfig.register(EmotionQwenConfig.model_type, EmotionQwenConfig, exist_ok=True)
    for auto_class in MODEL_AUTO_CLASSES:
        auto_class.register(EmotionQwenConfig, EmotionQwenForConditionalGeneration, exist_ok=True)
    register_processors()  # under the config's class, which must be known by then


__all__ = ["MODEL_AUTO_CLASSES", "register_auto_classes"]
