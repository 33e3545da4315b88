"""Clips in the many forms that callers pass them in, brought to one list."""

import os
from typing import Any

import numpy as np
import PIL.Image
import torch

from .image_loading import is_still

Frame = PIL.Image.Image | np.ndarray | torch.Tensor | str
"""A PIL picture, an array of 3 dimensions (of 2 if gray), or the path of a picture."""

Clip = str | np.ndarray | torch.Tensor | list[Frame]
"""A path or URL, a 4-D array, or a list of frames."""


def list_clips(videos: Any) -> list[Clip]:
    """Flatten what a caller passes as `videos` to one entry per clip.

    Accepted are a path or URL, an array (T, H, W, C) or (T, C, H, W), a batch of them in one 5-D array, a list of
    frames, and lists of all these in any nesting. A list of strings is one clip if all name still pictures, or if it
    lies two lists deep, as chat templates nest the frames of a clip; otherwise each string is a clip.

    Raises:
        ValueError: If there is anything else among them.
    """
    return _list_clips(videos, depth=0)


def _list_clips(videos: Any, depth: int) -> list[Clip]:
    if isinstance(videos, str | os.PathLike):
        return [os.fspath(videos)]
    if isinstance(videos, PIL.Image.Image):
        return [[videos]]
    if _is_array(videos):
        return _split_array(videos)
    if not isinstance(videos, list | tuple):
        raise ValueError(f"A clip must be a path, an array, or a list of frames, not {type(videos).__name__}.")
    if not videos:
        return []
    if all(isinstance(item, PIL.Image.Image) or (_is_array(item) and item.ndim in (2, 3)) for item in videos):
        return [list(videos)]
    if all(isinstance(item, str | os.PathLike) for item in videos) and (depth >= 2 or all(map(is_still, videos))):
        return [[os.fspath(item) for item in videos]]
    return [clip for item in videos for clip in _list_clips(item, depth + 1)]


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray | torch.Tensor)


def _split_array(array: Any) -> list[Clip]:
    if array.ndim == 5:
        return list(array)
    if array.ndim == 4:
        return [array]
    if array.ndim == 3:
        return [array[None]]
    raise ValueError(f"An array of frames must have 4 dimensions, not {array.ndim}.")
