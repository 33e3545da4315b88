"""The range of pixel values: frames of any number type to uint8, refused where no face could be seen in them."""

import math

import torch
from torch import Tensor

_LARGEST_UNIT_VALUE = 2.0
"""Largest value of a frame in 0 to 1, where resizing overshoots."""
_LARGEST_NORMALIZED_VALUE = 3.0
"""Largest value of a frame normalized to zero mean and unit variance."""
_LOWEST_OVERSHOOT = -0.5
"""Smallest value of a nearly black frame in 0 to 255, where resizing overshoots."""
_BLACK_MEAN = 0.05
"""Mean above which floats up to 1 are taken for frames in 0 to 1, not for black ones in 0 to 255."""


def as_uint8(frames: Tensor, do_rescale: bool = True) -> Tensor:
    """Convert frames to uint8, the type in which faces are looked for.

    Args:
        frames: Numbers in 0 to 255, or in 0 to 1 without `do_rescale`; resizing may overshoot a little. Any shape.
        do_rescale: Whether the pixels are in 0 to 255, to be rescaled to 0 to 1 later.

    Returns:
        uint8 of the same shape, rounded; uint8 frames as they are.

    Raises:
        ValueError: If the values clearly have another range, are not finite, or are booleans.
    """
    if frames.dtype == torch.uint8:
        return frames
    if frames.dtype == torch.bool:
        raise ValueError("The frames are true and false; they must be numbers in 0 to 255.")
    frames = frames if frames.is_floating_point() else frames.float()
    if frames.numel():
        _check_range(frames, do_rescale)
    return (frames if do_rescale else frames * 255).round().clamp(0, 255).to(torch.uint8)


def _check_range(frames: Tensor, do_rescale: bool) -> None:
    """Refuse values of another range, in which no face could be seen; a black clip in 0 to 255 passes."""
    low, high = (float(value) for value in frames.aminmax())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError("The frames have values that are not finite.")
    if not do_rescale and high > _LARGEST_UNIT_VALUE:
        raise ValueError(f"Without do_rescale the frames must be in 0 to 1, but they reach {high:g}: leave it on.")
    if high > _LARGEST_UNIT_VALUE * 255:
        raise ValueError(f"The frames must be in 0 to 255, but they reach {high:g}.")
    if not do_rescale or high > _LARGEST_NORMALIZED_VALUE:
        return
    if low < _LOWEST_OVERSHOOT:
        raise ValueError(
            f"The frames reach from {low:g} to {high:g}, as if normalized already; they must be in 0 to 255."
        )
    has_fractions = bool((frames != frames.round()).any())
    if high <= 1 and has_fractions and float(frames.float().mean()) > _BLACK_MEAN:
        raise ValueError(
            f"The frames reach from {low:g} to {high:g}, as if rescaled already; they must be in 0 to 255. "
            "Pass do_rescale=False for frames in 0 to 1."
        )
