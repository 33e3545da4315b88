"""A mesh of hair that falls around the back and the sides of the base head; the assets have no usable one."""

from typing import NamedTuple

import numpy as np

_COLUMNS, _ROWS = 72, 28
_TOP, _BOTTOM = 8.42, 3.0
_OPENING = np.radians(38.0)
"""Half of the angle that is left open in front of the face."""
_CENTRE_DEPTH = 0.38
_HALF_WIDTH, _HALF_DEPTH = 0.95, 1.03
_PROFILE_HEIGHTS = (3.0, 5.4, 6.2, 7.0, 7.8, 8.15, 8.42)
_PROFILE = (1.12, 1.06, 1.0, 1.02, 1.0, 0.8, 0.35)
"""Share of the half width at those heights."""


class HairCurtain(NamedTuple):
    """The mesh, in decimetres of the base mesh; its outside first, then the same points again for its inside.

    Attributes:
        vertices: float32 (n, 3).
        triangles: int64 (m, 3).
        inside: float32 (n,), 1 for the vertices of the inside.
    """

    vertices: np.ndarray
    triangles: np.ndarray
    inside: np.ndarray


def hair_curtain() -> HairCurtain:
    """Builds the mesh: columns of hair from the crown to the chest, waved so that they catch the light as locks."""
    angle = np.linspace(_OPENING, 2 * np.pi - _OPENING, _COLUMNS)[None, :]
    height = np.linspace(_TOP, _BOTTOM, _ROWS)[:, None]
    share = np.interp(height, _PROFILE_HEIGHTS, _PROFILE)
    waves = 1 + 0.018 * np.sin(17 * angle + 0.8 * height) + 0.014 * np.sin(31 * angle - 1.7 * height)
    x = _HALF_WIDTH * share * waves * np.sin(angle)
    z = _CENTRE_DEPTH + _HALF_DEPTH * share * waves * np.cos(angle)
    outside = np.stack([x, np.broadcast_to(height, x.shape), z], -1).reshape(-1, 3)
    corner = (np.arange(_ROWS - 1)[:, None] * _COLUMNS + np.arange(_COLUMNS - 1)).ravel()
    below, right = corner + _COLUMNS, corner + 1
    faces = np.concatenate([np.stack([corner, below, right], 1), np.stack([right, below, below + 1], 1)])
    count = len(outside)
    return HairCurtain(
        np.concatenate([outside, outside]).astype(np.float32),
        np.concatenate([faces, faces[:, ::-1] + count]),
        np.repeat([0.0, 1.0], count).astype(np.float32),
    )
