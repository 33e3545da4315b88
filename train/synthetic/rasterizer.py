"""A z-buffer rasteriser in numpy: which triangle each pixel sees, and where inside it."""

from typing import NamedTuple

import numpy as np

_BOX_SIZES = (2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128, 256, 512, 1024)
"""Triangles are tested against their pixels in groups of similar box size (pixels), one array operation each."""
_LEAST_AREA = 1e-6
_CANDIDATES_AT_ONCE = 1_000_000
"""Pixel tests held in memory at a time."""


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
    x, y = (points[:, axis].astype(np.float32)[triangles] for axis in (0, 1))
    area = (x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0]) - (x[:, 2] - x[:, 0]) * (y[:, 1] - y[:, 0])
    facing = np.flatnonzero(area < -_LEAST_AREA)
    x, y, area = x[facing], y[facing], area[facing]
    left, right = _pixel_range(x, width)
    top, bottom = _pixel_range(y, height)
    box = np.where((right >= left) & (bottom >= top), np.maximum(right - left, bottom - top) + 1, 0)
    found: list[tuple[np.ndarray, ...]] = []
    smallest = 0
    for largest in _BOX_SIZES:
        group = np.flatnonzero((box > smallest) & (box <= largest))
        smallest = largest
        step = max(1, _CANDIDATES_AT_ONCE // largest**2)
        for start in range(0, len(group), step):
            chosen = group[start : start + step]
            box_corner = (left[chosen], top[chosen])
            covered = _covered(x[chosen], y[chosen], area[chosen], box_corner, largest, (height, width))
            found.append((covered.pixels, facing[chosen][covered.triangles], covered.weights))
    if not found:
        return Fragments(np.zeros(0, int), np.zeros(0, int), np.zeros((0, 3), np.float32))
    pixels, seen, weights = (np.concatenate(columns) for columns in zip(*found, strict=True))
    distance = np.einsum("pc,pc->p", weights, depth[triangles[seen]].astype(np.float32))
    return _nearest(pixels, seen, weights, distance, height * width)


def _pixel_range(ends: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """First and last pixel, within the picture, whose centres lie between the corners (m, 3) along one axis."""
    least = np.minimum(np.minimum(ends[:, 0], ends[:, 1]), ends[:, 2])
    most = np.maximum(np.maximum(ends[:, 0], ends[:, 1]), ends[:, 2])
    first = np.maximum(np.ceil(least - 0.5).astype(np.int64), 0)
    return first, np.minimum(np.floor(most - 0.5).astype(np.int64), size - 1)


def _covered(
    x: np.ndarray,
    y: np.ndarray,
    area: np.ndarray,
    box_corner: tuple[np.ndarray, np.ndarray],
    box: int,
    size: tuple[int, int],
) -> Fragments:
    """Tests a box x box block of pixels per triangle; the fragments of all that are covered, also hidden ones."""
    left, top = box_corner
    height, width = size
    steps = np.arange(box)
    column = (left[:, None] + steps)[:, None, :]
    row = (top[:, None] + steps)[:, :, None]
    centre_x, centre_y = (column + 0.5).astype(np.float32), (row + 0.5).astype(np.float32)
    scale = (1 / area)[:, None, None]

    def opposite(first: int, second: int) -> np.ndarray:
        x_edge = ((x[:, second] - x[:, first])[:, None, None]) * scale
        y_edge = ((y[:, second] - y[:, first])[:, None, None]) * scale
        return x_edge * (centre_y - y[:, first, None, None]) - y_edge * (centre_x - x[:, first, None, None])

    first, second = opposite(1, 2), opposite(2, 0)
    inside = (first >= 0) & (second >= 0) & (first + second <= 1) & (column < width) & (row < height)
    covered = np.flatnonzero(inside)
    first, second = first.ravel()[covered], second.ravel()[covered]
    triangle, place = np.divmod(covered, box * box)
    i, j = np.divmod(place, box)
    weights = np.stack([first, second, 1 - first - second], 1)
    return Fragments((top[triangle] + i) * width + left[triangle] + j, triangle, weights)


def _nearest(pixels: np.ndarray, seen: np.ndarray, weights: np.ndarray, distance: np.ndarray, count: int) -> Fragments:
    """Keeps the nearest fragment of each pixel; of equals, the first."""
    nearest = np.full(count, np.inf, np.float32)
    np.minimum.at(nearest, pixels, distance)
    front = np.flatnonzero(distance == nearest[pixels])
    unique, first = np.unique(pixels[front], return_index=True)
    front = front[first]
    return Fragments(unique, seen[front], weights[front])
