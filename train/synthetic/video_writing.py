"""Writes frames to an mp4, the same bytes for the same frames."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

_BIT_EXACT = 0x400
"""FFmpeg's AVFMT_FLAG_BITEXACT: no time of writing and no version in the file."""

_STEADY = {"mbtree": "0"}
"""x264 weighs blocks by how far later frames copy them (mb-tree). The SIMD code that it does so with gives other bytes
for the same frames now and then (one thread or not): for some clips one encoding in three. Without mb-tree, never."""


def write_mp4(path: Path, frames: np.ndarray, fps: float, quality: int = 20) -> None:
    """Encodes a clip as H.264.

    Args:
        path: File to write.
        frames: uint8 (T, H, W, 3) RGB; H and W even.
        fps: Frames a second.
        quality: Constant rate factor: 0 is lossless, larger is smaller and worse.
    """
    with av.open(str(path), "w") as container:
        container.flags |= _BIT_EXACT
        stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1000))
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": str(quality), "threads": "1", "flags": "+bitexact", **_STEADY}
        for frame in frames:
            container.mux(stream.encode(_yuv_frame(frame)))
        container.mux(stream.encode())


def _yuv_frame(frame: np.ndarray) -> av.VideoFrame:
    """Converts through a plain array: the encoder reads beyond the rows that the colour conversion leaves behind."""
    planes = av.VideoFrame.from_ndarray(frame, format="rgb24").to_ndarray(format="yuv420p")
    return av.VideoFrame.from_ndarray(planes, format="yuv420p")
