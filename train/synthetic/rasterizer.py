"""A z-buffer rasteriser in numpy: which triangle each pixel sees, and where inside it."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

_BOX_SIZES = (2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128, 256, 512, 1024)
"""Triangles are tested against their pixels in groups of similar box size (pixels), one array operation each."""
_LEAST_AREA = 1e-6
_CANDIDATES_AT_ONCE = 100_000
"""Pixel tests made at a time: so few that their arrays stay in the processor's cache."""


class Fragments(NamedTuple):
    """The visible surface, one row per covered pixel.

    Attributes:
        pixels: int64 (p,), `row * width + column`, each at most once.
        triangles: int64 (p,), indices of the triangles seen.
        weights: float32 (p, 3), barycentric weights of the triangles' corners, summing to 1.
    """

    pixels: np.ndarray
    triangles: np.ndarray
    weights: np.ndarray


def rasterize(points: np.ndarray, depth: np.ndarray, triangles: np.ndarray, height: int, width: int) -> Fragments:
    """Finds the nearest triangle at every pixel centre.

    Args:
        points: float (n, 2), x to the right and y downwards, in pixels; pixel (0, 0) has its centre at (0.5, 0.5).
        depth: float (n,), smaller is nearer.
        triangles: int (m, 3). Only those that turn counter-clockwise as seen (y up) are drawn: the others face away.
        height: Rows of the picture.
        width: Columns of the picture.

    Returns:
        The fragments seen; empty arrays when nothing is.
    """
    corners = np.ascontiguousarray(triangles.T)
    x, y = (points[:, axis].astype(np.float32).take(corners) for axis in (0, 1))
    area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0])
    facing = np.flatnonzero(area < -_LEAST_AREA)
    x, y, area = x.take(facing, 1), y.take(facing, 1), area.take(facing)
    left, right = _pixel_range(x, width)
    top, bottom = _pixel_range(y, height)
    box = np.where((right >= left) & (bottom >= top), np.maximum(right - left, bottom - top) + 1, 0)
    found: list[tuple[np.ndarray, ...]] = []
    for largest, group in _groups(box):
        at_once = _at_once(len(group), largest)
        for start in range(0, len(group), at_once):
            chosen = group[start : start + at_once]
            box_corner = (left[chosen], top[chosen])
            pixels, triangle, first, second = _covered(
                x.take(chosen, 1), y.take(chosen, 1), area[chosen], box_corner, largest, (height, width)
            )
            found.append((pixels, facing[chosen[triangle]], first, second))
    if not found:
        return Fragments(np.zeros(0, int), np.zeros(0, int), np.zeros((0, 3), np.float32))
    pixels, seen, first, second = (np.concatenate(columns) for columns in zip(*found, strict=True))
    third = 1 - first - second
    far = depth.astype(np.float32).take(corners.take(seen, 1))
    front = _nearest(pixels, first * far[0] + second * far[1] + third * far[2], height * width)
    weights = np.stack([first[front], second[front], third[front]], 1)
    return Fragments(pixels[front], seen[front], weights)


def _groups(box: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Each size of `_BOX_SIZES` that triangles with these boxes (m,) need, and which those are; 0 is no box at all."""
    smallest = 0
    for largest in _BOX_SIZES:
        group = np.flatnonzero((box > smallest) & (box <= largest))
        smallest = largest
        if len(group):
            yield largest, group


def _at_once(count: int, box: int) -> int:
    """How many of a group's triangles are tested together: one by one where they are few and large.

    Along so few, numpy's inner loops would be shorter than along a row of pixels.
    """
    return 1 if count * 8 < box else max(1, _CANDIDATES_AT_ONCE // box**2)


def _pixel_range(ends: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """First and last pixel, within the picture, whose centres lie between the corners (3, m) along one axis."""
    least = np.minimum(np.minimum(ends[0], ends[1]), ends[2])
    most = np.maximum(np.maximum(ends[0], ends[1]), ends[2])
    first = np.clip(np.ceil(least - 0.5), 0, size).astype(np.int32)
    return first, np.clip(np.floor(most - 0.5), -1, size - 1).astype(np.int32)


def _covered(
    x: np.ndarray,
    y: np.ndarray,
    area: np.ndarray,
    box_corner: tuple[np.ndarray, np.ndarray],
    box: int,
    size: tuple[int, int],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Tests a box x box block of pixels per triangle (3, m), with the triangles along the last, fastest axis.

    Returns:
        Of all fragments that are covered, also hidden ones, triangle by triangle: the pixel, the triangle, and the
        weights of its first and second corner.
    """
    left, top = box_corner
    height, width = size
    steps = np.arange(box, dtype=np.int32)[:, None]
    column, row = left + steps, top + steps
    half = np.float32(0.5)
    centre_x, centre_y = column.astype(np.float32) + half, row.astype(np.float32) + half
    scale = 1 / area

    def opposite(start: int, end: int) -> np.ndarray:
        by_row = (x[end] - x[start]) * scale * (centre_y - y[start])
        by_column = (y[end] - y[start]) * scale * (centre_x - x[start])
        return by_row[:, None] - by_column

    first, second = opposite(1, 2), opposite(2, 0)
    inside = first >= 0
    inside &= second >= 0
    inside &= first + second <= 1
    inside &= column < width
    inside &= (row < height)[:, None]
    triangle, place = _places(inside.reshape(box * box, -1))
    pixels = (top.astype(np.int64) * width + left).take(triangle)
    pixels += (np.arange(box)[:, None] * width + np.arange(box)).take(place)
    place *= len(area)
    place += triangle
    return pixels, triangle, first.take(place), second.take(place)


def _places(inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The column and the row of each true element, column by column."""
    covered = np.flatnonzero(np.ascontiguousarray(inside.T))
    column = covered // len(inside)
    return column, covered - column * len(inside)


def _nearest(pixels: np.ndarray, distance: np.ndarray, count: int) -> np.ndarray:
    """Finds the nearest fragment of each covered pixel, by pixel; of equals, the first."""
    nearest = np.full(count, np.inf, np.float32)
    np.minimum.at(nearest, pixels, distance)
    front = np.flatnonzero(distance == nearest[pixels])
    owner = np.full(count, -1)
    owner[pixels[front][::-1]] = front[::-1]  # backwards, because the last that is written stays
    return owner[owner >= 0]
