"""A tokenizer, a processor and clips, all tiny and made in code."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from transformers import PreTrainedTokenizerFast

from emotion_qwen.processing import (
    EmotionQwenImageProcessor,
    EmotionQwenProcessor,
    EmotionQwenVideoProcessor,
    load_chat_template,
)

from ..tiny_tokenizer import tiny_tokenizer


@pytest.fixture
def tokenizer() -> PreTrainedTokenizerFast:
    return tiny_tokenizer()


@pytest.fixture
def processor(tokenizer: PreTrainedTokenizerFast) -> EmotionQwenProcessor:
    return EmotionQwenProcessor(
        image_processor=EmotionQwenImageProcessor(),
        tokenizer=tokenizer,
        video_processor=EmotionQwenVideoProcessor(),
        chat_template=load_chat_template(),
    )


def gray_frame(level: int, height: int = 48, width: int = 64) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


@pytest.fixture
def write_clip(tmp_path: Path) -> Callable[..., str]:
    """Write frames (H, W, 3) to an mp4; `times` (seconds, to the millisecond) make its rate variable."""

    def write(
        frames: list[np.ndarray], fps: int = 10, times: list[float] | None = None, name: str = "clip.mp4"
    ) -> str:
        path = tmp_path / name
        options = {"movflags": "faststart"} if name.endswith(".mp4") else {}
        with av.open(str(path), "w", options=options) as container:
            stream = container.add_stream("libx264", rate=1000 if times else fps, options={"crf": "10", "g": "5"})
            stream.height, stream.width = frames[0].shape[:2]
            stream.pix_fmt = "yuv420p"
            stream.codec_context.time_base = Fraction(1, 1000 if times else fps)
            for index, pixels in enumerate(frames):
                frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
                frame.pts = round(times[index] * 1000) if times else index
                frame.time_base = stream.codec_context.time_base
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return str(path)

    return write


@pytest.fixture
def gray_clip(write_clip: Callable[..., str]) -> str:
    """Two seconds at 10 frames a second; frame i has the gray level 10 · i."""
    return write_clip([gray_frame(10 * index) for index in range(20)])
