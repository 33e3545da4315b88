"""Memory for decoded frames: upright RGB of one size, within a bound."""

import math
from typing import Any

import numpy as np
import torch
from av.video.reformatter import VideoReformatter


class FrameBuffer:
    """Memory for the kept frames, laid out when the first one tells its size.

    Args:
        capacity: Number of frames to keep.
        max_bytes: Frames are scaled down so that all of them fit into this many bytes; None for no bound.
        min_frame_pixels: Frames are never scaled down below this many pixels each.

    Attributes:
        frames: uint8 (capacity, 3, H, W) RGB, upright; filled up to `count`.
        source_size: Height and width in pixels before scaling.
    """

    def __init__(self, capacity: int, max_bytes: int | None, min_frame_pixels: int) -> None:
        self.capacity = capacity
        self.max_bytes = max_bytes
        self.min_frame_pixels = min_frame_pixels
        self.count = 0
        self.source_size = (0, 0)
        self.frames = torch.empty(0)
        self._last_time: float | None = None
        self._reformatter = VideoReformatter()  # one for all frames: what it sets up serves while they are alike

    @property
    def is_full(self) -> bool:
        """Whether all frames are there."""
        return self.count == self.capacity

    def append(self, time: float, frame: Any) -> None:
        """Keep a decoded frame and its time in seconds; a repetition of the last time copies the last frame."""
        if time == self._last_time:
            self.frames[self.count] = self.frames[self.count - 1]
        else:
            self._store(frame)
        self._last_time = time
        self.count += 1

    def _store(self, frame: Any) -> None:
        if self.count == 0:
            self.source_size = upright_size(frame)
            self._stored_size = self._fit(*self.source_size)
            self.frames = torch.empty((self.capacity, 3, *self._stored_size), dtype=torch.uint8)
        pixels = upright_rgb(frame, self._stored_size, self._reformatter)
        self.frames[self.count] = torch.from_numpy(pixels).permute(2, 0, 1)

    def _fit(self, height: int, width: int) -> tuple[int, int]:
        if self.max_bytes is None:
            return height, width
        bound = math.sqrt(self.max_bytes / (3 * self.capacity * height * width))
        floor = math.sqrt(self.min_frame_pixels / (height * width))
        if max(bound, floor) >= 1:
            return height, width
        if floor >= bound:
            return math.ceil(height * floor), math.ceil(width * floor)
        return max(1, int(height * bound)), max(1, int(width * bound))


def upright_size(frame: Any) -> tuple[int, int]:
    """Return height and width in pixels of a decoded frame once turned as its metadata asks."""
    turned = _quarter_turns(frame) % 2
    return (frame.width, frame.height) if turned else (frame.height, frame.width)


def upright_rgb(frame: Any, size: tuple[int, int], reformatter: VideoReformatter) -> np.ndarray:
    """Convert a decoded frame to RGB, alpha over white, turned as its metadata asks.

    Args:
        frame: A decoded frame of any pixel format.
        size: Wanted height and width in pixels of the upright frame.
        reformatter: Converts the frame, and quickly those after it that are alike.

    Returns:
        uint8 (H, W, 3), C-contiguous.
    """
    turns = _quarter_turns(frame)
    height, width = size if turns % 2 == 0 else size[::-1]
    has_alpha = any(component.is_alpha for component in frame.format.components) or frame.format.name == "pal8"
    layout = "rgba" if has_alpha else "rgb24"
    scaling = {} if (frame.height, frame.width) == (height, width) else {"interpolation": "AREA"}
    pixels = reformatter.reformat(frame, width, height, layout, **scaling).to_ndarray()
    if has_alpha:
        alpha = pixels[..., 3:].astype(np.float32) / 255
        pixels = (pixels[..., :3] * alpha + 255 * (1 - alpha)).round().astype(np.uint8)
    return np.ascontiguousarray(np.rot90(pixels, turns))


def _quarter_turns(frame: Any) -> int:
    """Return the counter-clockwise quarter turns that bring a frame upright."""
    return round(frame.rotation / 90) % 4
