"""Scene cuts in sampled frames: where both the colours and the layout of the picture change at once."""

import torch
import torch.nn.functional as F
from torch import Tensor

from .colour_histogram import count_colours

_SIDE = 32
"""Frames are compared by every n-th row and column, unfiltered, with n such that at least this many remain."""


def find_cuts(frames: Tensor, threshold: float) -> list[int]:
    """Find the frames that begin a new shot.

    Two neighbouring frames belong to one shot if they share their colours (a moving camera or person moves them, but
    keeps them) or their layout (a flash or a fade changes colours, but not where they are brighter than elsewhere).

    Args:
        frames: uint8 (T, 3, H, W).
        threshold: A shot begins where both differ by more than this, 0 to 1; with 1 there is never a cut.

    Returns:
        Indices of frames in rising order, never 0.
    """
    if len(frames) < 2 or threshold >= 1:
        return []
    small = _thumbnails(frames)
    likeness = torch.maximum(_shared_colours(small), _shared_layout(small))
    return ((1 - likeness > threshold).nonzero()[:, 0] + 1).tolist()


def _thumbnails(frames: Tensor) -> Tensor:
    """Pick evenly spaced pixels: float32 (T, 3, h, w) on the CPU, values 0–255."""
    row_step, column_step = (max(1, side // _SIDE) for side in frames.shape[-2:])
    return frames[..., row_step // 2 :: row_step, column_step // 2 :: column_step].float().cpu()


def _shared_colours(pictures: Tensor) -> Tensor:
    """Intersection of the colour histograms of neighbours, (T - 1,), 0 to 1."""
    pixels = pictures.flatten(2).transpose(1, 2)
    counts = count_colours(pixels)
    return torch.minimum(counts[1:], counts[:-1]).sum(dim=1) / pixels.shape[1]


def _shared_layout(pictures: Tensor) -> Tensor:
    """Correlation of the brightness of neighbours, (T - 1,), -1 to 1; 0 for an even picture."""
    brightness = pictures.mean(dim=1).flatten(1)
    centered = F.normalize(brightness - brightness.mean(dim=1, keepdim=True), dim=1, eps=1e-3)
    return (centered[1:] * centered[:-1]).sum(dim=1)
