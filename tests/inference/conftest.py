"""A tiny random checkpoint with an analyzer on it, and an adapter for it."""

from pathlib import Path

import pytest
import torch
from emotion_qwen.inference import EmotionAnalyzer

from ..modeling_emotion_qwen.tiny_checkpoint import tiny_model, tiny_processor, write_clip, write_portrait


@pytest.fixture(autouse=True, scope="package")
def one_thread():
    """Tiny tensors: on a busy machine, handing them to threads costs more than it saves."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


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
