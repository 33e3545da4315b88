"""A tiny random model with the processor that goes with it, and media with a real face to show them."""

from pathlib import Path

import av
import numpy as np
import torch
from PIL import Image

from emotion_qwen import EmotionQwenConfig, EmotionQwenForConditionalGeneration
from emotion_qwen.processing import (
    EmotionQwenImageProcessor,
    EmotionQwenProcessor,
    EmotionQwenVideoProcessor,
    load_chat_template,
)

from ..tiny_tokenizer import tiny_tokenizer

PORTRAIT = Path(__file__).parents[2] / "examples" / "astronaut.png"
FACE_CORNER = (150, 20, 310, 180)  # left, top, right, bottom of the head in the portrait, in pixels

VISION = {
    "depth": 2,
    "hidden_size": 32,
    "intermediate_size": 40,
    "num_heads": 4,
    "fullatt_block_indexes": [1],
    "out_hidden_size": 48,
}
TEXT = {
    "model_type": "qwen2_5_vl_text",
    "hidden_size": 48,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 2048,
    "bos_token_id": None,
    "eos_token_id": None,  # an answer is as long as it may be
    "pad_token_id": 0,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 2, 2]},
}
PIXELS = {"shortest_edge": 28 * 28, "longest_edge": 84 * 84}


def tiny_processor() -> EmotionQwenProcessor:
    """A processor for pictures of at most nine visual tokens, with Facial Emotion Capture on."""
    return EmotionQwenProcessor(
        image_processor=EmotionQwenImageProcessor(size=PIXELS),
        tokenizer=tiny_tokenizer(),
        video_processor=EmotionQwenVideoProcessor(size=PIXELS),
        chat_template=load_chat_template(),
    )


def tiny_model(processor: EmotionQwenProcessor) -> EmotionQwenForConditionalGeneration:
    """A random model with the vocabulary of this processor; its answer to a prompt depends on every weight."""
    token_id = processor.tokenizer.convert_tokens_to_ids
    config = EmotionQwenConfig(
        text_config=TEXT | {"vocab_size": len(processor.tokenizer)},
        vision_config=dict(VISION),
        image_token_id=token_id("<|image_pad|>"),
        video_token_id=token_id("<|video_pad|>"),
        vision_start_token_id=token_id("<|vision_start|>"),
        vision_end_token_id=token_id("<|vision_end|>"),
    )
    torch.manual_seed(0)
    model = EmotionQwenForConditionalGeneration(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def write_portrait(path: Path) -> Path:
    """Writes a photo of a face, 160x160."""
    Image.open(PORTRAIT).convert("RGB").crop(FACE_CORNER).save(path)
    return path


def write_clip(path: Path, num_frames: int = 24, fps: int = 12) -> Path:
    """Writes an mp4 in which that face drifts to the right."""
    portrait = Image.open(PORTRAIT).convert("RGB")
    left, top, right, bottom = FACE_CORNER
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=fps)
        stream.width, stream.height, stream.pix_fmt = right - left, bottom - top, "yuv420p"
        stream.bit_rate = 4_000_000
        for shift in range(num_frames):
            picture = np.asarray(portrait.crop((left - shift, top, right - shift, bottom)))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path
