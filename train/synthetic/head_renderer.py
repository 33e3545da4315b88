"""Renders a posed head to a picture with transparency, so that backgrounds and crops can be varied afterwards."""

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
    normals = vertex_normals(turned, head.triangles)
    carried = np.concatenate([surface_coordinates(), normals], 1)
    surface = _interpolated(carried, head.triangles[fragments.triangles], fragments.weights)
    parts = head.parts[fragments.triangles]
    colours, gloss = _surface_colours(head, units, surface[:, :4], parts)
    canvas = np.zeros((height * width, 4), np.float32)
    canvas[fragments.pixels, :3] = _lit(colours, gloss, surface[:, 4:], parts, light)
    canvas[fragments.pixels, 3] = 1
    return RenderedHead(
        _reduced(canvas.reshape(height, width, 4), supersampling),
        _box(points[face_vertices()] / supersampling),
        tuple(tuple(float(v) for v in points[eye].mean(0) / supersampling) for eye in eye_vertices()),
    )


def _interpolated(carried: np.ndarray, corners: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Means of what the three corners (p, 3) of each fragment's triangle carry, by their weights (p, 3)."""
    return sum(weights[:, corner, None] * carried.take(corners[:, corner], 0) for corner in range(3))


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
    head: HeadModel, units: dict[str, float], carried: np.ndarray, parts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns each fragment's colour, float32 (p, 3), and gloss, float32 (p,)."""
    rows, columns = head.texture.shape[:2]
    column = np.clip(carried[:, 0] * head.detail, 0, columns - 1).astype(int)
    row = np.clip(carried[:, 1] * head.detail, 0, rows - 1).astype(int)
    eye = (parts == PARTS.index("left_eye")) | (parts == PARTS.index("right_eye"))
    column, row = np.where(eye, 0, column), np.where(eye, 0, row)
    texel = row * columns + column
    colours = head.texture.reshape(-1, 3).take(texel, 0)
    depth = _line_weights(units)
    if depth.any():
        colours *= 1 - _LINE_DEPTH * (head.lines.reshape(-1, len(LINES)).take(texel, 0) @ depth)[:, None]
    lips, inside = carried[:, 2:3] * 0.85, carried[:, 3:4]
    colours = colours * (1 - lips) + np.array(head.person.lips, np.float32) * lips
    colours = colours * (1 - 0.9 * inside) + np.array(_INNER_MOUTH, np.float32) * 0.9 * inside
    for name, colour in _PLAIN_COLOURS.items():
        plain = parts == PARTS.index(name)
        colours[plain] = np.array(colour, np.float32) * (1 - 0.7 * inside[plain])
    hair = parts == PARTS.index("hair")
    crown = head.texture[rows - _CROWN_ROW * head.detail, (column[hair] * 5) % columns]
    colours[hair] = crown * (1 - 0.55 * inside[hair])
    colours[eye] = _eye_colours(head, carried[eye, :3])
    gloss = np.where(eye, 0.5, 0.1 + 0.12 * lips[:, 0]).astype(np.float32)
    return colours, gloss


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


def _lit(colours: np.ndarray, gloss: np.ndarray, normals: np.ndarray, parts: np.ndarray, light: Light) -> np.ndarray:
    """Lights the fragments: a wrapped main light, light from above and from the other side, and a highlight."""
    normals = normals / (np.sqrt(np.einsum("pd,pd->p", normals, normals))[:, None] + 1e-9)
    azimuth, elevation = np.radians([light.azimuth, light.elevation])
    to_light = np.array(
        [np.sin(azimuth) * np.cos(elevation), np.sin(elevation), np.cos(azimuth) * np.cos(elevation)], np.float32
    )
    other_side = np.array([-np.sign(to_light[0]) * 0.8, 0.1, 0.6], np.float32)
    diffuse = np.clip((normals @ to_light + 0.2) / 1.2, 0, 1)[:, None] * np.array(light.tint, np.float32)
    everywhere = light.ambient * (0.85 + 0.25 * normals[:, 1]) + light.fill * np.clip(normals @ other_side, 0, 1)
    halfway = to_light + np.array([0, 0, 1], np.float32)
    halfway /= np.linalg.norm(halfway)
    eye = (parts == PARTS.index("left_eye")) | (parts == PARTS.index("right_eye"))
    mirrored = np.clip(normals @ halfway, 0, 1)
    highlight = mirrored**16
    highlight[eye] = mirrored[eye] ** 60
    shine = gloss * highlight * (light.key * 1.5)
    in_mouth = np.isin(parts, [PARTS.index(part) for part in ("upper_teeth", "lower_teeth", "tongue")])
    brightness = (everywhere[:, None] + light.key * diffuse) * np.where(in_mouth, 0.95, 1.0)[:, None]
    return np.clip(colours * brightness + shine[:, None], 0, 1)


def _reduced(canvas: np.ndarray, supersampling: int) -> np.ndarray:
    """Averages blocks of pixels (weighted by cover) into uint8 RGBA with straight alpha."""
    height, width = (side // supersampling for side in canvas.shape[:2])
    steps = range(supersampling)
    blocks = sum(canvas[row::supersampling, column::supersampling] for row in steps for column in steps)
    blocks = blocks / supersampling**2
    alpha = blocks[..., 3:]
    blocks[..., :3] /= np.maximum(alpha, 1e-6)
    return (blocks * 255 + 0.5).clip(0, 255).astype(np.uint8)


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
