"""The appearance of a face: the histogram of its colours, which tells people apart where their places do not."""

import torch
from torch import Tensor

from .colour_histogram import count_colours

_SIDE = 16
"""Rows and columns of evenly spaced pixels at which a face is sampled."""


def describe_faces(frames: Tensor, frame_indices: Tensor, boxes: Tensor) -> Tensor:
    """Describe each face by the histogram of its colours.

    Args:
        frames: uint8 (T, 3, H, W), on any device; each side at least one pixel.
        frame_indices: int64 (N,), the frame of each face.
        boxes: float32 (N, 4), x1, y1, x2, y2 in pixels.

    Returns:
        Histograms, float32 (N, 512) on the CPU; each sums to 1.
    """
    height, width = frames.shape[-2:]
    steps = (torch.arange(_SIDE, dtype=torch.float32, device="cpu") + 0.5) / _SIDE
    columns = (boxes[:, :1] + steps * (boxes[:, 2:3] - boxes[:, :1])).long().clamp(0, width - 1).to(frames.device)
    rows = (boxes[:, 1:2] + steps * (boxes[:, 3:] - boxes[:, 1:2])).long().clamp(0, height - 1).to(frames.device)
    index = frame_indices.to(frames.device)
    # Advanced indices around the channel slice put the channels last: (N, rows, columns, 3).
    pixels = frames[index[:, None, None], :, rows[:, :, None], columns[:, None, :]].cpu()
    return count_colours(pixels.flatten(1, 2)) / _SIDE**2


def likeness(first: Tensor, second: Tensor) -> Tensor:
    """Compare histograms (N, D) with (M, D): the share of colours that each pair has in common, (N, M), 0 to 1."""
    return torch.minimum(first[:, None], second[None]).sum(dim=-1)
