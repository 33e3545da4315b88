"""Plain Auto classes know Emotion-Qwen as soon as the package is imported."""

import subprocess
import sys

import pytest
import transformers

from emotion_qwen import EmotionQwenConfig, EmotionQwenForConditionalGeneration
from emotion_qwen.auto_registration import register_auto_classes
from emotion_qwen.processing import EmotionQwenImageProcessor, EmotionQwenProcessor, EmotionQwenVideoProcessor

from .tiny_checkpoint import tiny_model, tiny_processor


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A plain checkpoint: no code in the folder."""
    folder = tmp_path_factory.mktemp("plain")
    processor = tiny_processor()
    processor.save_pretrained(folder)
    tiny_model(processor).save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("auto_class", "expected"),
    [
        ("AutoConfig", EmotionQwenConfig),
        ("AutoModel", EmotionQwenForConditionalGeneration),
        ("AutoModelForImageTextToText", EmotionQwenForConditionalGeneration),
        ("AutoModelForMultimodalLM", EmotionQwenForConditionalGeneration),
        ("AutoProcessor", EmotionQwenProcessor),
        ("AutoImageProcessor", EmotionQwenImageProcessor),
        ("AutoVideoProcessor", EmotionQwenVideoProcessor),
    ],
)
def test_auto_class_loads_a_plain_checkpoint(checkpoint, auto_class, expected):
    assert type(getattr(transformers, auto_class).from_pretrained(checkpoint)) is expected


def test_auto_processor_puts_its_parts_together(checkpoint):
    processor = transformers.AutoProcessor.from_pretrained(checkpoint)
    assert type(processor.image_processor) is EmotionQwenImageProcessor
    assert type(processor.video_processor) is EmotionQwenVideoProcessor
    assert processor.chat_template


def test_auto_classes_build_from_the_name_and_from_a_config():
    config = transformers.AutoConfig.for_model("emotion_qwen", projector_type="mlp")
    assert type(config) is EmotionQwenConfig and config.projector_type == "mlp"
    tiny = tiny_model(tiny_processor()).config
    assert type(transformers.AutoModel.from_config(tiny)) is EmotionQwenForConditionalGeneration


def test_registering_twice_is_harmless():
    register_auto_classes()
    assert transformers.AutoConfig.for_model("emotion_qwen").model_type == "emotion_qwen"


def test_importing_the_package_loads_no_training_or_demo_library():
    code = """
import sys
import emotion_qwen
loaded = {"trl", "gradio", "deepface", "peft", "datasets", "emotion_qwen.train"} & set(sys.modules)
assert not loaded, loaded
"""
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert finished.returncode == 0, finished.stderr
