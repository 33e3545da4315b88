"""A tiny random checkpoint with an analyzer on it, and an adapter for it."""

from pathlib import Path

import pytest

from emotion_qwen.inference import EmotionAnalyzer

from ..modeling_emotion_qwen.tiny_checkpoint import tiny_model, tiny_processor, write_clip, write_portrait


@pytest.fixture(scope="package")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoint")
    processor = tiny_processor()
    tiny_model(processor).save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@pytest.fixture(scope="package")
def analyzer(checkpoint: Path) -> EmotionAnalyzer:
    return EmotionAnalyzer.from_pretrained(checkpoint, device="cpu")


@pytest.fixture(scope="package")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("media") / "clip.mp4")


@pytest.fixture(scope="package")
def portrait(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_portrait(tmp_path_factory.mktemp("media") / "portrait.png")
