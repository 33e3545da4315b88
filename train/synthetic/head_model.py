"""A person's head, ready to be posed: the shape at rest, what every face unit moves, and the painted surface."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from emotion_qwen.train.synthetic.head_assets import PARTS, face_units, load_mesh, load_target
from emotion_qwen.train.synthetic.head_coordinates import AXIS_DEPTH, map_coordinates
from emotion_qwen.train.synthetic.head_identity import Person
from emotion_qwen.train.synthetic.head_texture import hair_lift, paint_person, person_lines

_FACE_BOTTOM, _FACE_TOP, _FACE_DEPTH = 6.12, 7.98, 0.62
"""The face of the base mesh, for its box: chin to hairline, in front of the ears."""
_EYE_DEPTH = 1.25
"""z of the eyes' centres on the base mesh."""
_IN_MOUTH = {"upper_teeth": (0.93, 0.01, 0.02), "lower_teeth": (0.93, 0.07, 0.02), "tongue": (0.95, 0.07, 0.06)}
"""Parts drawn narrower (factor), lower and further back (decimetres) than in the asset: they would pierce the lips of
a rounded mouth, and the lower row would show more than the upper one in a smile."""
_SKULL_BOTTOM, _SKULL_FRONT = 6.9, 1.2
"""The part of the base head that carries hair: above the mouth, behind the face."""


@dataclass(frozen=True)
class HeadModel:
    """One person's head.

    Attributes:
        person: Who it is.
        rest: float32 (n, 3), vertices of the resting face, decimetres.
        triangles: int64 (m, 3), those that are drawn for this person; column by column in memory, as they are read.
        parts: int64 (m,), indices into `PARTS`.
        texture: float32 (3, rows, columns), see `paint_person`.
        lines: float32 (rows, columns, kinds), see `person_lines`.
        detail: The texture's detail.
    """

    person: Person
    rest: np.ndarray
    triangles: np.ndarray
    parts: np.ndarray
    texture: np.ndarray
    lines: np.ndarray
    detail: int

    @property
    def middle(self) -> np.ndarray:
        """The point between the eyes, on the vertical axis of the head; float32 (3,)."""
        eyes = self.rest[np.concatenate(eye_vertices())].mean(0)
        return np.array([0, eyes[1] - 0.05, AXIS_DEPTH + eyes[2] - _EYE_DEPTH], np.float32)

    def pose(self, units: dict[str, float]) -> np.ndarray:
        """Moves the face.

        Args:
            units: Weight of each face unit by its ARKit name ("jawOpen", "mouthSmileLeft", ...).

        Returns:
            float32 (n, 3): the vertices, decimetres.

        Raises:
            KeyError: a name is not a face unit.
        """
        rows = unit_rows()
        moved = [rows[name] for name in units]
        weights = np.array(list(units.values()), np.float32)
        return self.rest + (weights @ face_units()[1][moved]).reshape(-1, 3)


@cache
def unit_rows() -> dict[str, int]:
    """The row of each face unit in the displacements."""
    return {name: row for row, name in enumerate(face_units()[0])}


@cache
def surface_coordinates() -> np.ndarray:
    """What each vertex carries to its pixels, float32 (n, 4).

    Eyes: the direction from the eye's centre (x, y, z; unit length) and 0. Everything else: column and row on the map
    at detail 1, then how much it is lip, and inside of the mouth or of the hair, in [0, 1].
    """
    mesh = load_mesh()
    inside = np.maximum(np.clip(mesh.masks["inside-mouth"] * 1.2, 0, 1), mesh.masks["hair-inside"])
    inside = np.maximum(inside, _teeth_in_shade())
    carried = np.concatenate([map_coordinates(mesh.vertices), np.stack([mesh.masks["lips"], inside], 1)], axis=1)
    for part in ("left_eye", "right_eye"):
        eye = mesh.of_part(part)
        ball = mesh.vertices[eye]
        direction = ball - (ball.max(0) + ball.min(0)) / 2
        carried[eye, :3] = direction / np.linalg.norm(direction, axis=1, keepdims=True)
        carried[eye, 3] = 0
    return carried.astype(np.float32)


def _teeth_in_shade() -> np.ndarray:
    """How much the mouth shades each vertex of the teeth, float32 (n,): their backs, and those far back."""
    mesh = load_mesh()
    shade = np.zeros(len(mesh.vertices), np.float32)
    for part in ("upper_teeth", "lower_teeth"):
        teeth = mesh.of_part(part)
        row = mesh.vertices[teeth]
        normals = vertex_normals(mesh.vertices, mesh.triangles[mesh.triangle_parts == PARTS.index(part)])[teeth]
        outward = np.einsum("nd,nd->n", normals, row - row.mean(0))
        shade[teeth] = np.maximum(outward < 0, np.clip((row[:, 2].max() - 0.1 - row[:, 2]) / 0.25, 0, 1))
    return shade


@cache
def face_vertices() -> np.ndarray:
    """Indices of the vertices whose projections bound the face's box."""
    mesh = load_mesh()
    x, y, z = mesh.vertices.T
    face = mesh.of_part("skin") & (y > _FACE_BOTTOM) & (y < _FACE_TOP) & (z > _FACE_DEPTH)
    return np.flatnonzero(face & (mesh.masks["inside-mouth"] < 0.5))


@cache
def eye_vertices() -> tuple[np.ndarray, np.ndarray]:
    """Indices of the vertices of the person's left and right eye."""
    mesh = load_mesh()
    return np.flatnonzero(mesh.of_part("left_eye")), np.flatnonzero(mesh.of_part("right_eye"))


def build_head(person: Person, detail: int = 1) -> HeadModel:
    """Shapes and paints a person.

    Args:
        person: Who.
        detail: Of the texture: 1 for faces of about 130 pixels, 2 for 260.
    """
    mesh = load_mesh()
    rest = mesh.vertices.copy()
    for name, weight in person.targets.items():
        index, delta = load_target(name)
        rest[index] += np.float32(weight) * delta
    for part, (width, lowered, behind) in _IN_MOUTH.items():
        rest[mesh.of_part(part)] *= (width, 1, 1)
        rest[mesh.of_part(part)] -= (0, lowered, behind)
    hair = mesh.of_part("hair")
    rest[hair] = _fitted_hair(mesh.vertices, rest)[hair]
    skin = mesh.of_part("skin")
    normals = vertex_normals(rest, mesh.triangles[mesh.triangle_parts == 0])
    rest[skin] += normals[skin] * hair_lift(mesh.vertices[skin], person)[:, None]
    shown = _shown_triangles(person)
    lines = person_lines(person, detail)
    return HeadModel(
        person=person,
        rest=rest,
        triangles=np.asfortranarray(mesh.triangles[shown]),
        parts=mesh.triangle_parts[shown],
        texture=paint_person(person, detail, lines),
        lines=lines,
        detail=detail,
    )


def _fitted_hair(base: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Moves and stretches points of the base mesh with the part of the head that carries hair."""
    skull = load_mesh().of_part("skin") & (base[:, 1] > _SKULL_BOTTOM) & (base[:, 2] < _SKULL_FRONT)
    low, high = base[skull].min(0), base[skull].max(0)
    new_low, new_high = rest[skull].min(0), rest[skull].max(0)
    return new_low + (base - low) * (new_high - new_low) / (high - low)


def _shown_triangles(person: Person) -> np.ndarray:
    mesh = load_mesh()
    shown = np.ones(len(mesh.triangles), bool)
    if not person.lashes:
        shown &= mesh.triangle_parts != PARTS.index("lashes")
    hair = mesh.triangle_parts == PARTS.index("hair")
    if person.hair_style not in ("long", "bob"):
        return shown & ~hair
    _, y, z = np.moveaxis(mesh.vertices[mesh.triangles].mean(1), -1, 0)
    return shown & (~hair | ((y > person.hair_length) & (z < person.hair_front)))


def vertex_normals(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """The directions in which a surface faces at its vertices.

    Args:
        vertices: float (n, 3).
        triangles: int (m, 3), counter-clockwise as seen from outside.

    Returns:
        float32 (n, 3) of unit length; zero for vertices of no triangle.
    """
    corners = triangles.T
    first, second, third = np.ascontiguousarray(vertices.T).take(corners, 1).swapaxes(0, 1)
    a, b = second - first, third - first
    corner = corners.ravel()
    faces = (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])
    x, y, z = (np.bincount(corner, np.tile(face, 3), len(vertices)) for face in faces)
    length = np.sqrt(x * x + y * y + z * z) + 1e-9
    return np.stack([x / length, y / length, z / length], 1).astype(np.float32)
