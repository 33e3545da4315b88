"""Paints skin, brows, hair, beard and clothes on the map of the base head, and the lines that expressions make."""

from functools import cache

import numpy as np
from PIL import Image

from emotion_qwen.train.synthetic.head_coordinates import EYE_HEIGHT, EYE_OFFSET, map_positions, map_shape
from emotion_qwen.train.synthetic.head_identity import Person

LINES = ("forehead", "frown", "crows_feet", "smile", "nose")
"""Kinds of lines on the face, in the order of `line_maps`."""

_HAIR_THICKNESS = {"bald": 0.0, "cropped": 0.03, "short": 0.14, "bob": 0.2, "tied": 0.09, "long": 0.2}
"""How far hair stands off the scalp, decimetres."""


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], cell: tuple[float, float]) -> np.ndarray:
    """Draws smooth noise.

    Args:
        rng: Source of randomness.
        shape: Rows and columns.
        cell: Rows and columns of a grain, pixels.

    Returns:
        float32 of that shape, mean 0, deviation about 0.5.
    """
    coarse = [max(2, int(np.ceil(size / grain))) for size, grain in zip(shape, cell, strict=True)]
    picture = Image.fromarray(rng.normal(0, 0.7, coarse).astype(np.float32))
    return np.asarray(picture.resize((shape[1], shape[0]), Image.Resampling.BICUBIC))


def hair_cover(positions: np.ndarray, person: Person) -> np.ndarray:
    """How far inside the hair a point of the scalp lies.

    Args:
        positions: float (..., 3), points of the base mesh in decimetres.
        person: Whose hair.

    Returns:
        float32 (...): decimetres inside the hairline, negative outside.
    """
    x, y, z = (np.abs(positions[..., 0]), positions[..., 1], positions[..., 2])
    fringe = person.fringe * np.clip((0.72 - x) / 0.15, 0, 1)
    front = y - (EYE_HEIGHT + 0.68 + person.hairline - fringe - 0.1 * (x / 0.7) ** 2)
    beside_ear = np.maximum.reduce([0.7 - x, 6.82 - y, y - 7.56, 0.1 - z, z - 0.82])
    temple = np.minimum(0.56 - z, y - (EYE_HEIGHT + 0.12))
    nape = np.minimum(0.20 - z, y - 6.4)
    inside = np.maximum(front, np.maximum(temple, nape))
    return np.minimum(inside, beside_ear).astype(np.float32)


def hair_lift(positions: np.ndarray, person: Person) -> np.ndarray:
    """How far the surface stands off the scalp for the volume of the hair.

    Args:
        positions: float (..., 3), points of the base mesh in decimetres.
        person: Whose hair.

    Returns:
        float32 (...): decimetres, 0 where there is no hair.
    """
    thickness = _HAIR_THICKNESS[person.hair_style]
    return (thickness * np.clip(hair_cover(positions, person) / 0.22, 0, 1) ** 0.7).astype(np.float32)


@cache
def line_maps(detail: int) -> np.ndarray:
    """How deep each kind of line is at each texel: float32 (rows, columns, kinds) in [0, 1], kinds as in `LINES`."""
    x, y, z = np.moveaxis(map_positions(detail), -1, 0)
    x = np.abs(x)
    front = z > 0.9
    forehead_window = np.exp(-(((y - 7.78) / 0.16) ** 4)) * np.exp(-((x / 0.48) ** 4))
    forehead = np.clip(np.cos(2 * np.pi * (y + 0.05 * np.cos(4 * x)) / 0.1), 0, 1) ** 3 * forehead_window
    frown = np.exp(-(((x - 0.065) / 0.018) ** 2)) * np.exp(-(((y - 7.47) / 0.1) ** 4))
    distance, angle = np.hypot(x - 0.44, y - EYE_HEIGHT), np.arctan2(y - EYE_HEIGHT, x - 0.44)
    feet_window = np.exp(-(((distance - 0.17) / 0.1) ** 2)) * np.exp(-((angle / 0.75) ** 4))
    crows_feet = 0.6 * np.clip(np.cos(angle * 9), 0, 1) ** 2 * feet_window
    fold = 0.2 + 0.2 * np.clip((6.93 - y) / 0.4, 0, 1.3) ** 0.8
    smile = 0.8 * np.exp(-(((x - fold) / 0.028) ** 2)) * np.exp(-(((y - 6.74) / 0.2) ** 4))
    nose_window = np.exp(-((x / 0.13) ** 4)) * np.exp(-(((y - 7.22) / 0.13) ** 4))
    nose = np.clip(np.cos(2 * np.pi * (y - 0.5 * x) / 0.1), 0, 1) ** 2 * nose_window
    return (np.stack([forehead, frown, crows_feet, smile, nose], -1) * front[..., None]).astype(np.float32)


def person_lines(person: Person, detail: int) -> np.ndarray:
    """The lines that a face can make: `line_maps` outside the hair, deeper with age; same shape.

    Args:
        person: Whose face.
        detail: 1 for faces of about 130 pixels, 2 for 260.
    """
    bare = np.clip(-hair_cover(_planes(detail), person) / 0.05, 0, 1) if person.hair_style != "bald" else 1.0
    deeper = np.broadcast_to(np.asarray(bare * (0.7 + 0.6 * person.wrinkles), np.float32), map_shape(detail))
    lined = _lined_texels(detail)
    lines = np.zeros_like(line_maps(detail))
    lines.reshape(-1, len(LINES))[lined] = (
        line_maps(detail).reshape(-1, len(LINES))[lined] * deeper.take(lined)[:, None]
    )
    return lines


@cache
def _lined_texels(detail: int) -> np.ndarray:
    """Where `line_maps` are not zero: indices into the texels."""
    return np.flatnonzero(line_maps(detail).any(-1))


@cache
def _planes(detail: int) -> np.ndarray:
    """`map_positions`, the coordinates one after another in memory: most of the painting reads one at a time."""
    return np.moveaxis(np.moveaxis(map_positions(detail), -1, 0).copy(), 0, -1)


def paint_person(person: Person, detail: int, lines: np.ndarray) -> np.ndarray:
    """Paints one person.

    Args:
        person: Who.
        detail: 1 for faces of about 130 pixels, 2 for 260.
        lines: Those of the person, see `person_lines`.

    Returns:
        float32 (3, rows, columns), colours in [0, 1], row 0 at the bottom of the bust.
    """
    rng = np.random.default_rng([person.identity, 0x7E])
    positions = _planes(detail)
    shape = map_shape(detail)
    picture = _skin(person, detail, rng)
    picture *= 1 - (lines @ np.full((len(LINES), 1), 0.35 * person.wrinkles, np.float32))[..., 0]
    _paint(picture, _channels(person.hair) * 0.9, _brows(person, positions, shape, rng))
    _paint(picture, _channels(person.hair) * 0.8, _beard(person, positions, shape, rng))
    strands = smooth_noise(rng, shape, (24 * detail, 2 * detail))
    hair = np.clip(_channels(person.hair) * (1 + 0.35 * strands), 0, 1)
    _paint(picture, hair, _scalp(person, positions, shape, rng))
    x, y = np.abs(positions[..., 0]), positions[..., 1]
    collar = 5.25 - person.neckline * np.clip(1 - x / 1.0, 0, 1) + 0.12 * np.minimum(x, 1.2)
    folds = 1 + 0.12 * smooth_noise(rng, shape, (8 * detail, 10 * detail))
    _paint(picture, _channels(person.clothes) * folds, np.clip((collar - y) / 0.06, 0, 1))
    return picture.clip(0, 1)


def _channels(colour: tuple[float, float, float]) -> np.ndarray:
    """A colour as an array (3, 1, 1): pictures are painted channel by channel."""
    return np.array(colour)[:, None, None]


def _paint(picture: np.ndarray, colour: np.ndarray, cover: np.ndarray) -> None:
    """Lays a colour (3, ...) over a picture (3, rows, columns)."""
    cover = cover.astype(np.float32)
    picture *= 1 - cover
    picture += colour.astype(np.float32) * cover


def _spot(positions: np.ndarray, centre: tuple[float, float], size: tuple[float, float]) -> np.ndarray:
    """A soft spot on both halves of the face, around (|x|, y)."""
    x, y = np.abs(positions[..., 0]), positions[..., 1]
    spot = np.exp(-(((x - centre[0]) / size[0]) ** 2) - ((y - centre[1]) / size[1]) ** 2)
    return spot * (positions[..., 2] > 0.8)


def _skin(person: Person, detail: int, rng: np.random.Generator) -> np.ndarray:
    shape = map_shape(detail)
    picture = np.broadcast_to(_channels(person.skin).astype(np.float32), (3, *shape)).copy()
    scale = shape[0] / 400
    uneven = 0.05 * smooth_noise(rng, shape, (30 * scale, 30 * scale)) + 0.04 * smooth_noise(rng, shape, (3, 3))
    flushed, lightness = _flushed_and_lightness(detail)
    picture *= 1 + person.blotches * uneven
    picture *= 1 - person.blotches * flushed * _channels((0.0, 0.12, 0.11)).astype(np.float32)
    picture *= lightness
    return picture


@cache
def _flushed_and_lightness(detail: int) -> tuple[np.ndarray, np.ndarray]:
    """How readily each texel of the skin reddens, and how light it is beside the creases: float32 (rows, columns)."""
    positions = _planes(detail)
    flushed = _spot(positions, (0.40, 6.95), (0.22, 0.17)) + 0.7 * _spot(positions, (0.0, 6.95), (0.13, 0.12))
    shade = (
        0.22 * _spot(positions, (0.17, 7.33), (0.09, 0.1))
        + 0.12 * _spot(positions, (EYE_OFFSET, 7.14), (0.17, 0.06))
        + 0.18 * _spot(positions, (0.0, 6.44), (0.16, 0.04))
        + 0.15 * _spot(positions, (EYE_OFFSET, 7.40), (0.17, 0.035))
    )
    return flushed, 1 - shade


def _brows(person: Person, positions: np.ndarray, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    across = np.abs(positions[..., 0]) - EYE_OFFSET
    height = positions[..., 1] - EYE_HEIGHT
    along = np.clip((across + 0.19) / 0.45, 0, 1)
    middle = 0.19 + 0.06 * np.sin(along * np.pi * 0.8) - 0.035 * along
    thickness = 0.042 * person.brow_thickness * (1 - 0.6 * along)
    brow = np.exp(-(((height - middle) / thickness) ** 2)) * np.clip((across + 0.21) / 0.04, 0, 1)
    brow = brow * np.clip((0.29 - across) / 0.08, 0, 1) * (positions[..., 2] > 0.9)
    hairs = 1 + 0.4 * smooth_noise(rng, shape, (3, 2))
    return np.clip(brow * hairs * person.brow_density * 1.15, 0, 0.95)


def _beard(person: Person, positions: np.ndarray, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    if person.beard == 0:
        return np.zeros(shape, np.float32)
    x, y, z = np.abs(positions[..., 0]), positions[..., 1], positions[..., 2]
    cheek_line = 6.62 + 0.9 * np.clip(x - 0.35, 0, 1)
    jaw = np.clip((cheek_line - y) / 0.1, 0, 1) * np.clip((y - 6.0) / 0.12, 0, 1) * (z > 0.55) * (y > 5.95)
    moustache = np.exp(-(((y - 6.77 + 0.25 * x) / 0.045) ** 2)) * np.clip((0.30 - x) / 0.06, 0, 1) * (z > 1.2)
    mouth = np.exp(-((x / 0.27) ** 4)) * np.exp(-(((y - 6.6) / 0.1) ** 4)) * (z > 1.2)
    grain = 1 + 0.5 * smooth_noise(rng, shape, (2, 2))
    return np.clip(np.maximum(jaw * (1 - mouth), moustache) * grain * person.beard, 0, 0.92)


def _scalp(person: Person, positions: np.ndarray, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    if person.hair_style == "bald":
        return np.zeros(shape, np.float32)
    ragged = 0.03 * smooth_noise(rng, shape, (8, 2)) + 0.03 * smooth_noise(rng, shape, (30, 20))
    soft = 0.14 if person.hair_style == "cropped" else 0.08
    full = 0.75 if person.hair_style == "cropped" else 1.0
    return np.clip((hair_cover(positions, person) + ragged) / soft, 0, 1) * full
