"""Drawn pictures of coloured shapes: what, which colour, how many and where are known exactly."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

SHAPES = {"circle": "圆形", "square": "正方形", "triangle": "三角形", "star": "星形", "cross": "十字形"}
"""English to Chinese names."""
COLOURS: dict[str, tuple[str, tuple[int, int, int]]] = {
    "red": ("红色", (215, 40, 40)),
    "green": ("绿色", (40, 160, 60)),
    "blue": ("蓝色", (45, 80, 215)),
    "yellow": ("黄色", (240, 210, 40)),
    "purple": ("紫色", (140, 60, 180)),
    "orange": ("橙色", (245, 140, 30)),
    "black": ("黑色", (25, 25, 25)),
    "white": ("白色", (250, 250, 250)),
}
"""English names to the Chinese name and the RGB that is varied around."""
PLACES = {
    "top left": "左上角",
    "top right": "右上角",
    "bottom left": "左下角",
    "bottom right": "右下角",
}
"""English to Chinese names of the quarters of the picture."""

_QUARTERS = {"top left": (0, 0), "top right": (1, 0), "bottom left": (0, 1), "bottom right": (1, 1)}


@dataclass(frozen=True)
class DrawnShape:
    """One shape: names from `SHAPES`, `COLOURS` and `PLACES`, and its radius over the side of the picture."""

    shape: str
    colour: str
    place: str
    radius: float


def sample_shapes(rng: np.random.Generator, size: int) -> tuple[Image.Image, tuple[DrawnShape, ...]]:
    """Draws one to four shapes, each in a quarter of its own.

    Args:
        rng: Source of randomness.
        size: Side of the picture, pixels.

    Returns:
        The RGB picture and its shapes, in the order of `PLACES`.
    """
    picture = Image.fromarray(sample_ground(rng, size), "RGB")
    draw = ImageDraw.Draw(picture)
    places = set(rng.choice(list(PLACES), size=int(rng.integers(1, 5)), replace=False).tolist())
    alike = rng.random() < 0.3
    shape, colour = str(rng.choice(list(SHAPES))), str(rng.choice(list(COLOURS)))
    drawn = []
    for place in (name for name in PLACES if name in places):
        if not alike:
            shape, colour = str(rng.choice(list(SHAPES))), str(rng.choice(list(COLOURS)))
        radius = float(rng.uniform(0.11, 0.2))
        column, row = _QUARTERS[place]
        middle = (np.array([column, row]) * 0.5 + 0.25 + rng.uniform(-0.04, 0.04, 2)) * size
        fill = sample_paint(rng, colour)
        draw_shape(draw, shape, middle, radius * size, float(rng.uniform(-0.3, 0.3)), fill)
        drawn.append(DrawnShape(shape, colour, place, round(radius, 3)))
    return picture, tuple(drawn)


def sample_ground(rng: np.random.Generator, size: int) -> np.ndarray:
    """Draws a square of grainy grey to draw on, uint8 (size, size, 3)."""
    grey = int(rng.integers(90, 200))
    return np.clip(grey + rng.normal(0, 8, 3) + rng.normal(0, 4, (size, size, 3)), 0, 255).astype(np.uint8)


def sample_paint(rng: np.random.Generator, colour: str) -> tuple[int, ...]:
    """Draws an RGB (0 to 255 each) close to a colour of `COLOURS`."""
    paint = np.clip(np.array(COLOURS[colour][1]) + rng.normal(0, 8, 3), 0, 255).astype(int)
    return tuple(paint.tolist())


def draw_shape(
    draw: ImageDraw.ImageDraw, shape: str, middle: np.ndarray, radius: float, turn: float, fill: tuple[int, ...]
) -> None:
    """Draws a filled shape.

    Args:
        draw: Where to.
        shape: One of `SHAPES`.
        middle: x and y, pixels.
        radius: Pixels.
        turn: Radians.
        fill: RGB.
    """
    if shape == "circle":
        draw.ellipse((*(middle - radius), *(middle + radius)), fill=fill)
        return
    corners = _corners(shape, turn) * radius + middle
    draw.polygon([tuple(corner) for corner in corners.tolist()], fill=fill)


def _corners(shape: str, turn: float) -> np.ndarray:
    """Outline of a shape of radius 1, (n, 2), y downwards."""
    if shape == "cross":
        arm = 0.32
        quarter = np.array([[arm, 1], [arm, arm], [1, arm]])
        turns = [np.array([[c, -s], [s, c]]) for c, s in ((1, 0), (0, -1), (-1, 0), (0, 1))]
        outline = np.concatenate([quarter @ rotation.T for rotation in turns])
    else:
        count, inner = {"square": (4, None), "triangle": (3, None), "star": (5, 0.42)}[shape]
        start = np.pi / 4 if shape == "square" else np.pi / 2
        steps = count if inner is None else 2 * count
        angle = start + 2 * np.pi * np.arange(steps) / steps
        reach = np.ones(steps) if inner is None else np.where(np.arange(steps) % 2, inner, 1)
        outline = np.stack([np.cos(angle), -np.sin(angle)], 1) * reach[:, None]
    spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return outline @ spin.T
