"""How long rendered clips are. Two frames make a patch, so that their number is even."""

import numpy as np

CLIP_FPS = 3.0
"""Frames a second of rendered clips unless said otherwise: as many as the processor samples (Table 3)."""


def require_even_length(least: int, most: int) -> None:
    """Refuses bounds between which `even_length` has nothing to draw.

    Raises:
        ValueError: There is no even number from `least` to `most`.
    """
    if (least + 1) // 2 > most // 2:
        raise ValueError(f"Clips have an even number of frames, and none is from {least} to {most}")


def even_length(rng: np.random.Generator, least: int, most: int) -> int:
    """Draws an even number of frames: two make one patch, and of an odd number one would not be seen.

    Args:
        rng: Source of randomness.
        least: Least number, rounded up to an even one.
        most: Greatest number, rounded down; not below `least` then.
    """
    return 2 * int(rng.integers((least + 1) // 2, most // 2 + 1))
