"""Histograms of colours, by which faces are recognised again and scene cuts are found."""

import torch
from torch import Tensor

_LEVELS = 8
"""Steps of each colour channel."""


def count_colours(pixels: Tensor) -> Tensor:
    """Count the pixels of each of 8 × 8 × 8 colours.

    Args:
        pixels: RGB (N, P, 3) of any number type, values 0–255.

    Returns:
        float32 (N, 512) on the pixels' device; each row sums to P.
    """
    levels = pixels.long() * _LEVELS // 256
    colours = (levels[..., 0] * _LEVELS + levels[..., 1]) * _LEVELS + levels[..., 2]
    counts = torch.zeros(len(colours), _LEVELS**3, dtype=torch.float32, device=pixels.device)
    return counts.scatter_add_(1, colours, torch.ones_like(colours, dtype=torch.float32))
