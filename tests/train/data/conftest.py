"""Pictures and clips made in code, and a processor that knows all bytes."""

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from emotion_qwen.processing import EmotionQwenProcessor

from ...modeling_emotion_qwen.tiny_checkpoint import tiny_processor


@pytest.fixture(scope="session")
def processor() -> EmotionQwenProcessor:
    """One token per byte; at most nine visual tokens a frame."""
    return tiny_processor()


def write_picture(path: Path, level: int = 100) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (32, 32), (level, 90, 60)).save(path)
    return path


def write_clip(path: Path, frames: int = 6, fps: int = 6) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("flv1" if path.suffix == ".flv" else "mpeg4", rate=fps)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        for number in range(frames):
            pixels = np.full((32, 32, 3), 30 * number % 256, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    return path
