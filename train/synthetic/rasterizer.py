"""A z-buffer rasteriser in numpy: which triangle each pixel sees, and where inside it."""

from typing import NamedTuple

import numpy as np

_BOX_SIZES = (2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128, 256, 512, 1024)
"""Triangles are tested against their pixels in groups of similar box size (pixels), each group in one array operation."""
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
    corners = points[triangles].astype(np.float32)
    x, y = corners[..., 0], corners[..., 1]
    area = (x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0]) - (x[:, 2] - x[:, 0]) * (y[:, 1] - y[:, 0])
    left, right = np.ceil(x.min(1) - 0.5).astype(int), np.floor(x.max(1) - 0.5).astype(int)
    top, bottom = np.ceil(y.min(1) - 0.5).astype(int), np.floor(y.max(1) - 0.5).astype(int)
    left, top = np.maximum(left, 0), np.maximum(top, 0)
    right, bottom = np.minimum(right, width - 1), np.minimum(bottom, height - 1)
    drawn = np.flatnonzero((area < -1e-6) & (right >= left) & (bottom >= top))
    box = np.maximum(right - left, bottom - top)[drawn] + 1
    found: list[tuple[np.ndarray, ...]] = []
    smallest = 0
    for largest in _BOX_SIZES:
        group = drawn[(box > smallest) & (box <= largest)]
        smallest = largest
        step = max(1, _CANDIDATES_AT_ONCE // largest**2)
        for start in range(0, len(group), step):
            chosen = group[start : start + step]
            found.append(
                _covered(x[chosen], y[chosen], area[chosen], left[chosen], top[chosen], largest, height, width, chosen)
            )
    if not found:
        return Fragments(np.zeros(0, int), np.zeros(0, int), np.zeros((0, 3), np.float32))
    pixels, seen, weights = (np.concatenate(columns) for columns in zip(*found, strict=True))
    distance = np.einsum("pc,pc->p", weights, depth[triangles[seen]].astype(np.float32))
    return _nearest(pixels, seen, weights, distance, height * width)


def _covered(
    x: np.ndarray,
    y: np.ndarray,
    area: np.ndarray,
    left: np.ndarray,
    top: np.ndarray,
    box: int,
    height: int,
    width: int,
    index: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tests a box x box block of pixels per triangle; returns pixels, triangles and weights of those covered."""
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
    third = 1 - first - second
    inside = (first >= 0) & (second >= 0) & (third >= 0) & (column < width) & (row < height)
    triangle, i, j = np.nonzero(inside)
    weights = np.stack([first[inside], second[inside], third[inside]], 1)
    return (top[triangle] + i) * width + left[triangle] + j, index[triangle], weights


def _nearest(pixels: np.ndarray, seen: np.ndarray, weights: np.ndarray, distance: np.ndarray, count: int) -> Fragments:
    """Keeps the nearest fragment of each pixel; of equals, the first."""
    nearest = np.full(count, np.inf, np.float32)
    np.minimum.at(nearest, pixels, distance)
    front = np.flatnonzero(distance == nearest[pixels])
    unique, first = np.unique(pixels[front], return_index=True)
    front = front[first]
    return Fragments(unique, seen[front], weights[front])
