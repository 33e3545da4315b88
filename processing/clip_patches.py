"""How a clip and the key frames after it share a pixel budget and become patches."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor
from transformers.image_utils import SizeDict

Patchify = Callable[[list[Tensor]], Mapping[str, Any]]
"""Qwen2.5-VL's own step from clips of one size to `pixel_values_videos` and `video_grid_thw`."""

_PIXEL_BUDGET = 0.9
"""Share of the assumed context that a clip's pixels may take, as in qwen-vl-utils and transformers."""


def num_rows(lengths: tuple[int, int], step: int) -> int:
    """Return the number of temporal patches of a clip and of its key frames, each padded to whole ones."""
    return sum(math.ceil(length / step) for length in lengths)


def capped_size(size: SizeDict, lengths: tuple[int, int], step: int, token_side: int, max_tokens: int) -> SizeDict:
    """Bound a frame's pixels by its share of the clip's budget, as qwen-vl-utils and transformers do.

    Args:
        size: Smallest and largest number of pixels of a frame, under Qwen2-VL's names `shortest_edge` and
            `longest_edge`.
        lengths: Number of frames of the clip, and of key frames. With key frames, the frames that pad temporal patches
            take part of the budget too.
        step: Frames of a temporal patch.
        token_side: Side in pixels of the square that becomes one token.
        max_tokens: Length of the assumed context, in tokens.

    Returns:
        The same, with `longest_edge` lowered to the frame's share.
    """
    num_frames = num_rows(lengths, step) * step if lengths[1] else lengths[0]
    total_pixels = int(max_tokens * token_side * token_side * _PIXEL_BUDGET)
    share = min(size.longest_edge, total_pixels * step // num_frames)
    return SizeDict(shortest_edge=size.shortest_edge, longest_edge=max(share, int(size.shortest_edge * 1.05)))


def frames_per_piece(max_bytes: int | None, frame_pixels: int, step: int) -> int | None:
    """Return how many float32 frames fit into `max_bytes`, in whole temporal patches; None for no bound."""
    if max_bytes is None or not frame_pixels:
        return None
    return max(1, max_bytes // (frame_pixels * 3 * 4) // step) * step


def patchify_parts(
    parts: tuple[Tensor, Tensor], patchify: Patchify, step: int, piece: int | None
) -> tuple[Tensor, list[int]]:
    """Make patches of a clip and its key frames, each padded to whole temporal patches, piece by piece to save memory.

    Args:
        parts: Frames (T, 3, H, W) and key frames (K, 3, H, W).
        patchify: Makes patches of a clip.
        step: Frames of a temporal patch.
        piece: Frames at once, in whole temporal patches; None for all.

    Returns:
        Patches (T·H·W, 3·temporal_patch·patch²) and the grid [T, H, W].
    """
    rows = num_rows(tuple(map(len, parts)), step)
    patches, filled = None, 0
    for part in parts:
        for frames in part.split(piece or max(1, len(part))):
            if not len(frames):
                continue
            output = patchify([frames])
            new, (_, grid_h, grid_w) = output["pixel_values_videos"], output["video_grid_thw"][0].tolist()
            if patches is None:
                patches = (
                    new if len(new) == rows * grid_h * grid_w else new.new_empty(rows * grid_h * grid_w, new.shape[1])
                )
            if patches is not new:
                patches[filled : filled + len(new)] = new
            filled += len(new)
    return patches, [rows, grid_h, grid_w]
