"""Renders a posed head to a picture with transparency, so that backgrounds and crops can be varied afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from emotion_qwen.train.synthetic.head_assets import PARTS
from emotion_qwen.train.synthetic.head_model import (
    HeadModel,
    eye_vertices,
    face_vertices,
    surface_coordinates,
    vertex_normals,
)
from emotion_qwen.train.synthetic.head_texture import LINES
from emotion_qwen.train.synthetic.rasterizer import rasterize

_CAMERA_DISTANCE = 9.0
"""From the middle of the head, decimetres."""
_HEAD_HEIGHT = 2.5
"""Height that fills the frame at scale 1: a little more than chin to crown."""
_PUPIL, _IRIS, _LIMBUS = np.cos(np.radians([10.0, 24.0, 27.5]))
_PLAIN_COLOURS = {
    "upper_teeth": (0.93, 0.90, 0.84),
    "lower_teeth": (0.88, 0.85, 0.79),
    "tongue": (0.54, 0.26, 0.26),
    "lashes": (0.05, 0.04, 0.04),
}
_EYES = ("left_eye", "right_eye")
_IN_MOUTH = ("upper_teeth", "lower_teeth", "tongue")
_INNER_MOUTH = (0.28, 0.08, 0.08)
_CROWN_ROW = 32
"""Row of the texture (from the top, at detail 1) on the crown: its strands are repeated in long hair."""
_LINE_DEPTH = 0.45
_LINE_UNITS = {
    "forehead": ("browInnerUp", "browOuterUpLeft", "browOuterUpRight"),
    "frown": ("browDownLeft", "browDownRight"),
    "crows_feet": ("cheekSquintLeft", "cheekSquintRight", "mouthSmileLeft", "mouthSmileRight"),
    "smile": ("mouthSmileLeft", "mouthSmileRight", "noseSneerLeft", "noseSneerRight", "mouthUpperUpLeft"),
    "nose": ("noseSneerLeft", "noseSneerRight"),
}
"""The face units that make each kind of line; their mean weight is how deep it is."""

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels."""


@dataclass(frozen=True)
class View:
    """Where the head is seen from.

    Attributes:
        yaw, pitch, roll: Turn of the head in degrees: to its left, upwards, clockwise.
        scale: Height of the head over the height of the frame.
        shift: Where the middle of the head lies, right and down of the frame's middle, in frame heights.
    """

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    scale: float = 0.8
    shift: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class Light:
    """How the head is lit.

    Attributes:
        azimuth, elevation: Where the main light stands, degrees to the right and upwards from the camera.
        key, ambient, fill: Strengths of the main light, of light from everywhere and of light from the other side.
        tint: Colour of the main light.
    """

    azimuth: float = 25.0
    elevation: float = 30.0
    key: float = 0.65
    ambient: float = 0.4
    fill: float = 0.15
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class RenderedHead:
    """A picture of a head.

    Attributes:
        rgba: uint8 (height, width, 4), straight (not premultiplied) alpha.
        face_box: x0, y0, x1, y1 in pixels: chin to hairline; may reach outside the frame.
        eyes: Centres (x, y) of the person's left and right eye, pixels.
    """

    rgba: np.ndarray
    face_box: Box
    eyes: tuple[tuple[float, float], tuple[float, float]]


def render_head(
    head: HeadModel,
    units: dict[str, float],
    view: View | None = None,
    light: Light | None = None,
    size: tuple[int, int] = (128, 128),
    supersampling: int = 2,
) -> RenderedHead:
    """Renders one picture; the same arguments give the same bytes.

    Args:
        head: Who.
        units: Weight of each face unit by its ARKit name.
        view: Where it is seen from.
        light: How it is lit.
        size: Height and width of the picture, pixels.
        supersampling: Rays per pixel side; 2 smooths the edges.
    """
    view, light = view or View(), light or Light()
    height, width = size[0] * supersampling, size[1] * supersampling
    vertices = head.pose(units)
    turn = _rotation(view)
    turned = (vertices - head.middle) @ turn.T
    depth = _CAMERA_DISTANCE - turned[:, 2]
    zoom = view.scale * height / _HEAD_HEIGHT * (_CAMERA_DISTANCE - 0.5)
    points = np.stack(
        [
            width / 2 + view.shift[0] * height + zoom * turned[:, 0] / depth,
            height / 2 + view.shift[1] * height - zoom * turned[:, 1] / depth,
        ],
        axis=1,
    )
    fragments = rasterize(points, depth, head.triangles, height, width)
    corners = head.triangles.T.take(fragments.triangles, 1)
    carried = np.concatenate([surface_coordinates(), _seen_normals(turned, head.triangles, corners)], 1)
    surface = _interpolated(carried, corners, fragments.weights.T)
    parts = _by_part(head.parts.take(fragments.triangles))
    colours, gloss = _surface_colours(head, units, surface[:4], parts)
    canvas = np.zeros((4, height * width), np.float32)
    for channel, values in zip(canvas[:3], _lit(colours, gloss, surface[4:], parts, light), strict=True):
        channel[fragments.pixels] = values
    canvas[3, fragments.pixels] = 1
    return RenderedHead(
        _reduced(canvas.reshape(4, height, width), supersampling),
        _box(points[face_vertices()] / supersampling),
        tuple(tuple(float(v) for v in points[eye].mean(0) / supersampling) for eye in eye_vertices()),
    )


def _seen_normals(vertices: np.ndarray, triangles: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """`vertex_normals` of the vertices seen (indices of any shape); those of others are not to be used."""
    wanted = np.zeros(len(vertices), bool)
    wanted[seen] = True
    touching = wanted.take(triangles.T).any(0)
    return vertex_normals(vertices, triangles.T[:, touching].T)


def _by_part(parts: np.ndarray) -> dict[str, np.ndarray]:
    """By the name of each part, which fragments show it; `parts` (p,) are indices into `PARTS`."""
    narrow = parts.astype(np.int8)
    return {name: np.flatnonzero(narrow == number) for number, name in enumerate(PARTS)}


def _showing(parts: dict[str, np.ndarray], names: Sequence[str]) -> np.ndarray:
    """The fragments that show any of some parts; see `_by_part`."""
    return np.concatenate([parts[name] for name in names])


def _interpolated(carried: np.ndarray, corners: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Means (k, p) of what the corners (3, p) of each fragment's triangle carry (n, k), by their weights (3, p)."""
    rows = np.zeros((len(carried), 8), np.float32)  # rows of 32 bytes are fetched several times faster than of 28
    rows[:, : carried.shape[1]] = carried
    shares = (
        np.multiply(rows.take(corner, 0).T[: carried.shape[1]], weight, order="C")
        for corner, weight in zip(corners, weights, strict=True)
    )
    return sum(shares)


def _rotation(view: View) -> np.ndarray:
    yaw, pitch, roll = np.radians([view.yaw, -view.pitch, -view.roll])
    around_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    around_x = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    around_z = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    return (around_z @ around_x @ around_y).astype(np.float32)


def _box(points: np.ndarray) -> Box:
    (x0, y0), (x1, y1) = points.min(0), points.max(0)
    return float(x0), float(y0), float(x1), float(y1)


def _surface_colours(
    head: HeadModel, units: dict[str, float], carried: np.ndarray, parts: dict[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Returns each fragment's colour, float32 (3, p), and gloss, float32 (p,)."""
    rows, columns = head.texture.shape[1:]
    column = np.clip(carried[0] * head.detail, 0, columns - 1).astype(int)
    row = np.clip(carried[1] * head.detail, 0, rows - 1).astype(int)
    eye = _showing(parts, _EYES)
    texel = row * columns + column
    texel[eye] = 0
    colours = head.texture.reshape(3, -1).take(texel, 1)
    depth = _line_weights(units)
    if depth.any():
        colours *= 1 - _LINE_DEPTH * (head.lines.reshape(-1, len(LINES)).take(texel, 0) @ depth)
    lips, inside = carried[2] * 0.85, carried[3]
    _cover(colours, np.array(head.person.lips, np.float32), lips, lips)
    _cover(colours, np.array(_INNER_MOUTH, np.float32) * 0.9, inside, 0.9 * inside)
    for name, colour in _PLAIN_COLOURS.items():
        plain = parts[name]
        colours[:, plain] = np.array(colour, np.float32)[:, None] * (1 - 0.7 * inside[plain])
    hair = parts["hair"]
    crown = head.texture[:, rows - _CROWN_ROW * head.detail, (column[hair] * 5) % columns]
    colours[:, hair] = crown * (1 - 0.55 * inside[hair])
    colours[:, eye] = _eye_colours(head, np.ascontiguousarray(carried[:3, eye].T)).T
    gloss = 0.1 + 0.12 * lips
    gloss[eye] = 0.5
    return colours, gloss


def _cover(colours: np.ndarray, colour: np.ndarray, amount: np.ndarray, share: np.ndarray) -> None:
    """Fades colours (3, p) by `share` (p,) and adds `amount` (p,) of a colour, where there is any."""
    where = np.flatnonzero(amount)
    colours[:, where] = colours[:, where] * (1 - share[where]) + colour[:, None] * amount[where]


def _line_weights(units: dict[str, float]) -> np.ndarray:
    """How deep each kind of line of `LINES` is, float32, 0 to 1."""
    depth = [np.mean([units.get(unit, 0.0) for unit in _LINE_UNITS[line]]) for line in LINES]
    return np.clip(depth, 0, 1.2).astype(np.float32)


def _eye_colours(head: HeadModel, direction: np.ndarray) -> np.ndarray:
    facing = direction[:, 2:3] / np.linalg.norm(direction, axis=1, keepdims=True)
    iris = np.array(head.person.iris) * (0.75 + 0.9 * np.clip((facing - _IRIS) / (1 - _IRIS), 0, 1))
    white = np.array([0.90, 0.87, 0.85]) * (0.75 + 0.25 * np.clip(facing, 0, 1))
    colours = np.where(facing > _LIMBUS, np.array(head.person.iris) * 0.45, white)
    colours = np.where(facing > _IRIS, iris, colours)
    return np.where(facing > _PUPIL, 0.03, colours).astype(np.float32)


def _lit(
    colours: np.ndarray, gloss: np.ndarray, normals: np.ndarray, parts: dict[str, np.ndarray], light: Light
) -> np.ndarray:
    """Lights the fragments: a wrapped main light, light from above and from the other side, and a highlight."""
    x, y, z = normals
    normals = np.ascontiguousarray((normals / (np.sqrt(x * x + y * y + z * z) + 1e-9)).T)
    azimuth, elevation = np.radians([light.azimuth, light.elevation])
    to_light = np.array(
        [np.sin(azimuth) * np.cos(elevation), np.sin(elevation), np.cos(azimuth) * np.cos(elevation)], np.float32
    )
    other_side = np.array([-np.sign(to_light[0]) * 0.8, 0.1, 0.6], np.float32)
    diffuse = np.clip((normals @ to_light + 0.2) / 1.2, 0, 1) * np.array(light.tint, np.float32)[:, None]
    everywhere = light.ambient * (0.85 + 0.25 * normals[:, 1]) + light.fill * np.clip(normals @ other_side, 0, 1)
    halfway = to_light + np.array([0, 0, 1], np.float32)
    halfway /= np.linalg.norm(halfway)
    eye = _showing(parts, _EYES)
    mirrored = np.clip(normals @ halfway, 0, 1)
    highlight = mirrored**16
    highlight[eye] = mirrored[eye] ** 60
    shine = gloss * highlight * (light.key * 1.5)
    lit = (everywhere + light.key * diffuse).astype(np.float64)
    lit[:, _showing(parts, _IN_MOUTH)] *= 0.95
    lit *= colours
    lit += shine
    return np.clip(lit, 0, 1, out=lit)


def _reduced(canvas: np.ndarray, supersampling: int) -> np.ndarray:
    """Averages blocks of pixels (weighted by cover) of (4, rows, columns) into uint8 RGBA with straight alpha."""
    steps = range(supersampling)
    blocks = sum(canvas[:, row::supersampling, column::supersampling] for row in steps for column in steps)
    blocks /= supersampling**2
    blocks[:3] /= np.maximum(blocks[3], 1e-6)
    return np.ascontiguousarray(np.moveaxis((blocks * 255 + 0.5).clip(0, 255).astype(np.uint8), 0, -1))


def over_background(rgba: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Lays a picture with alpha over a background.

    Args:
        rgba: uint8 (height, width, 4), straight alpha.
        background: uint8 (height, width, 3).

    Returns:
        uint8 (height, width, 3).
    """
    front = Image.fromarray(rgba, "RGBA")
    behind = Image.fromarray(background, "RGB")
    behind.paste(front, mask=front.getchannel("A"))
    return np.asarray(behind)
