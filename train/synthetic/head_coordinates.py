"""Where things are on the base head: a cylindrical map that textures are painted on, and named places on the face."""

from functools import cache

import numpy as np

from emotion_qwen.train.synthetic.head_assets import load_mesh
from emotion_qwen.train.synthetic.rasterizer import rasterize

AXIS_DEPTH = 0.55
"""z of the vertical axis that the map is wrapped around, in decimetres of the base mesh."""
EYE_HEIGHT = 7.28
"""y of the centres of the eyes of the base mesh."""
EYE_OFFSET = 0.31
"""Distance of each eye's centre from the middle plane."""

_WIDEST_ANGLE = np.radians(125.0)
_HEIGHTS = (0.5, 4.2, 5.8, 8.6)
_ROWS = (0.0, 20.0, 100.0, 400.0)
"""Heights on the base mesh, and their rows (from the bottom) at detail 1: the face gets most of the map."""
_COLUMNS = 448


def map_shape(detail: int) -> tuple[int, int]:
    """Rows and columns of a texture at a detail (1: for faces of about 130 pixels, 2: 260)."""
    return int(_ROWS[-1]) * detail, _COLUMNS * detail


def map_coordinates(positions: np.ndarray) -> np.ndarray:
    """Places points of the base mesh on the map.

    Args:
        positions: float (..., 3).

    Returns:
        float32 (..., 2): column and row at detail 1, row 0 at the bottom of the bust.
    """
    angle = np.arctan2(positions[..., 0], positions[..., 2] - AXIS_DEPTH)
    column = (np.clip(angle / _WIDEST_ANGLE, -1, 1) + 1) / 2 * _COLUMNS
    row = np.interp(positions[..., 1], _HEIGHTS, _ROWS)
    return np.stack([column, row], -1).astype(np.float32)


@cache
def map_positions(detail: int) -> np.ndarray:
    """The point of the base mesh at each texel, float32 (rows, columns, 3); gaps repeat their left neighbour."""
    mesh = load_mesh()
    rows, columns = map_shape(detail)
    triangles = mesh.triangles[mesh.triangle_parts == 0]
    points = map_coordinates(mesh.vertices) * detail
    across = np.ptp(points[triangles][..., 0], axis=1) < columns / 4
    triangles = triangles[across & (mesh.masks["inside-mouth"][triangles].max(1) < 0.5)]
    outward = -np.hypot(mesh.vertices[:, 0], mesh.vertices[:, 2] - AXIS_DEPTH)
    flipped = points * [1, -1] + [0, rows]
    fragments = rasterize(flipped, outward, triangles, rows, columns)
    positions = np.zeros((rows * columns, 3), np.float32)
    positions[fragments.pixels] = np.einsum(
        "pc,pcd->pd", fragments.weights, mesh.vertices[triangles[fragments.triangles]]
    )
    filled = np.zeros(rows * columns, bool)
    filled[fragments.pixels] = True
    source = np.maximum.accumulate(np.where(filled, np.arange(rows * columns), 0))
    return positions[source].reshape(rows, columns, 3)[::-1].copy()
