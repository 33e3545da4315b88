"""Masked key frames: the faces as they are, everything else faded towards white."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from .face_capture import Box, FaceCapture

WHITE = 255


def kept_region(box: Box, margin: float, height: int, width: int) -> tuple[slice, slice]:
    """Return the rows and columns that a mask keeps: the box, grown by `margin` of its size on each side.

    The region is rounded outwards to whole pixels and cut at the frame.
    """
    left, top, right, bottom = box
    grow_x, grow_y = margin * (right - left), margin * (bottom - top)
    rows = slice(max(0, math.floor(top - grow_y)), min(height, math.ceil(bottom + grow_y)))
    columns = slice(max(0, math.floor(left - grow_x)), min(width, math.ceil(right + grow_x)))
    return rows, columns


def mask_frame(frame: Tensor, boxes: Sequence[Box], margin: float, fade: float) -> Tensor:
    """Fade a frame towards white except around its faces.

    Args:
        frame: uint8 (C, H, W).
        boxes: x1, y1, x2, y2 in pixels.
        margin: Share of a box's size that is kept around it on each side.
        fade: 0 leaves the rest of the frame, 1 makes it white.

    Returns:
        A new uint8 frame (C, H, W); inside the kept regions it equals the source.
    """
    masked = (
        torch.lerp(frame.float(), torch.full_like(frame, WHITE, dtype=torch.float32), fade).round().to(torch.uint8)
    )
    for box in boxes:
        rows, columns = kept_region(box, margin, frame.shape[-2], frame.shape[-1])
        masked[:, rows, columns] = frame[:, rows, columns]
    return masked


def mask_key_frames(frames: Tensor, capture: FaceCapture, margin: float, fade: float) -> Tensor:
    """Mask the key frames of a clip.

    Args:
        frames: uint8 (T, C, H, W), the clip that `capture` was made from.
        capture: Its faces and key frames.
        margin: See `mask_frame`.
        fade: See `mask_frame`.

    Returns:
        uint8 (K, C, H, W), one masked frame per key frame, in the order of time; K is 0 without faces.

    Raises:
        ValueError: If the capture was made from frames of another number or size.
    """
    if (len(frames), *frames.shape[-2:]) != (capture.num_frames, *capture.frame_size):
        made_from = f"{capture.num_frames} frames of {capture.frame_size[0]}×{capture.frame_size[1]} pixels"
        given = f"{len(frames)} of {frames.shape[-2]}×{frames.shape[-1]}"
        raise ValueError(f"The face capture was made from {made_from}, but the clip has {given}.")
    if not capture.key_frames:
        return frames[:0].clone()
    masked = [mask_frame(frames[key.frame], key.boxes, margin, fade) for key in capture.key_frames]
    return torch.stack(masked)
