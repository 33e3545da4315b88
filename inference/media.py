"""Decoding whatever a user passes (a path, a URL, a picture, frames) to RGB frames with times."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers.video_utils import VideoMetadata

from emotion_qwen.processing import EmotionQwenProcessor, MediaError
from emotion_qwen.processing.image_loading import is_still, is_still_file
from emotion_qwen.processing.media_kind import MediaKind
from emotion_qwen.processing.video_decoding import open_source, shown_name

_MOST_ELONGATED = 200
"""Longest side of a frame over its shortest one that the vision tower's resizing takes."""


@dataclass(frozen=True)
class DecodedMedia:
    """Decoded pixels, ready for Facial Emotion Capture and the processor.

    Attributes:
        kind: `"image"` or `"video"`.
        frames: uint8 RGB (T, 3, H, W); T is 1 for an image.
        timestamps: Seconds from the start for each frame.
        metadata: Rate and sampled frames of a video; `None` for an image.
    """

    kind: MediaKind
    frames: torch.Tensor
    timestamps: tuple[float, ...]
    metadata: VideoMetadata | None

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.frames.shape[-1], self.frames.shape[-2]


def load_media(media: Any, processor: EmotionQwenProcessor) -> DecodedMedia:
    """Decode a still or a clip.

    Args:
        media: Path or URL of a video, GIF or picture; a PIL image; one picture as a uint8 array or tensor ((H, W),
            (H, W, C) or (C, H, W)); or a clip as a 4-D array or tensor or as a list of pictures.
        processor: Decodes stills with its image processor; decodes and samples clips with its video processor.

    Returns:
        The decoded media.

    Raises:
        MediaError: If it can't be read, with one sentence that says why.
    """
    decoded = _decode(media, processor)
    width, height = decoded.size
    if not 0 < max(width, height) <= _MOST_ELONGATED * min(width, height):
        name = f"'{shown_name(os.fspath(media))}'" if isinstance(media, str | os.PathLike) else "This"
        raise MediaError(
            f"{name} is {width}×{height} pixels: no side may be zero, or more than {_MOST_ELONGATED} times the other."
        )
    return decoded


def check_file(source: str) -> None:
    """Make sure that a path names a file that is not empty; a URL is not checked.

    Args:
        source: Path or URL.

    Raises:
        MediaError: If there is no such file, or it is a folder or empty.
    """
    if "://" not in source:
        open_source(source)


def _decode(media: Any, processor: EmotionQwenProcessor) -> DecodedMedia:
    try:
        if _shows_one_picture(media):
            return DecodedMedia("image", processor.image_processor.decode(media)[None], (0.0,), None)
        frames, metadata = processor.video_processor.decode(media)
    except MediaError:
        raise
    except (ValueError, TypeError) as error:
        raise MediaError(f"This is neither a picture nor a clip: {error}") from error
    return DecodedMedia("video", frames, tuple(float(time) for time in metadata.timestamps), metadata)


def _shows_one_picture(media: Any) -> bool:
    if isinstance(media, Image.Image):
        return True
    if isinstance(media, np.ndarray | torch.Tensor):
        return media.ndim < 4
    if not isinstance(media, str | os.PathLike):
        return False
    if "://" in os.fspath(media):
        return is_still(media)
    return is_still_file(Path(media))
