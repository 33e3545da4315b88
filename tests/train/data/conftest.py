"""Pictures, clips and published layouts, all made in code, and a processor that knows all bytes."""

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from emotion_qwen.processing import (
    EmotionQwenImageProcessor,
    EmotionQwenProcessor,
    EmotionQwenVideoProcessor,
    load_chat_template,
)

SPECIAL_TOKENS = [
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>",
    "<|video_pad|>",
]  # fmt: skip
PIXELS = {"shortest_edge": 28 * 28, "longest_edge": 56 * 56}


@pytest.fixture(scope="session")
def processor() -> EmotionQwenProcessor:
    """One token per byte; at most four visual tokens a frame."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(models.BPE(vocab={letter: number for number, letter in enumerate(alphabet)}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens(SPECIAL_TOKENS)
    return EmotionQwenProcessor(
        image_processor=EmotionQwenImageProcessor(size=PIXELS),
        tokenizer=PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|im_end|>", pad_token="<|endoftext|>"),
        video_processor=EmotionQwenVideoProcessor(size=PIXELS),
        chat_template=load_chat_template(),
    )


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
