"""Small clips, and what captures them."""

from pathlib import Path

import pytest

from emotion_qwen.processing import EmotionQwenImageProcessor, EmotionQwenVideoProcessor
from emotion_qwen.processing.precompute import MediaCapturer

from .small_clips import write_clips


@pytest.fixture(scope="package")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_clips(tmp_path_factory.mktemp("clips"), 4)


@pytest.fixture
def capturer() -> MediaCapturer:
    return MediaCapturer(EmotionQwenImageProcessor(), EmotionQwenVideoProcessor())
