"""Make transformers' Auto classes know the processors inside this package."""

from transformers import AutoImageProcessor, AutoProcessor, AutoVideoProcessor
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from .image_processing_emotion_qwen import EmotionQwenImageProcessor
from .processing_emotion_qwen import EmotionQwenProcessor
from .video_processing_emotion_qwen import EmotionQwenVideoProcessor

MODEL_TYPE = "emotion_qwen"


def register_processors() -> None:
    """Register the processors for the configuration that goes by `MODEL_TYPE`.

    The Auto classes are keyed by configuration class. The package registers that one first; it is looked up by its
    name, so that processing does not import the model.

    Raises:
        KeyError: If no such configuration is registered.
    """
    config_class = CONFIG_MAPPING[MODEL_TYPE]
    AutoProcessor.register(config_class, EmotionQwenProcessor, exist_ok=True)
    AutoVideoProcessor.register(config_class, EmotionQwenVideoProcessor, exist_ok=True)
    AutoImageProcessor.register(
        config_class, image_processor_classes={"torchvision": EmotionQwenImageProcessor}, exist_ok=True
    )
