"""Short clips of shapes that move one way: what, which colour, how many and where to are known exactly."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from emotion_qwen.train.synthetic.shapes import COLOURS, SHAPES, draw_shape, sample_ground, sample_paint

DIRECTIONS = {"left": "左", "right": "右", "up": "上", "down": "下"}
"""English and Chinese names of where shapes move to."""

_STEPS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
_MOST_SHAPES = 3
_EDGE = 0.2
"""How near to the edges the middles of shapes come, over the side of the picture."""


@dataclass(frozen=True)
class MovingShapes:
    """A clip and its truth.

    Attributes:
        frames: uint8 (T, size, size, 3) RGB.
        shapes: Shape and colour of each: keys of `SHAPES` and `COLOURS`.
        direction: A key of `DIRECTIONS`: where all of them move to.
    """

    frames: np.ndarray
    shapes: tuple[tuple[str, str], ...]
    direction: str


def sample_moving(rng: np.random.Generator, size: int, frames: int) -> MovingShapes:
    """Draws a clip of one to three shapes that move side by side, each in a lane of its own.

    Args:
        rng: Source of randomness.
        size: Side of the frames, pixels.
        frames: Number of frames, at least 2.

    Raises:
        ValueError: fewer than two frames.
    """
    if frames < 2:
        raise ValueError(f"Nothing moves within {frames} frame: at least 2")
    direction = str(rng.choice(list(DIRECTIONS)))
    count = int(rng.integers(1, _MOST_SHAPES + 1))
    shapes = tuple((str(rng.choice(list(SHAPES))), str(rng.choice(list(COLOURS)))) for _ in range(count))
    paints = [sample_paint(rng, colour) for _, colour in shapes]
    lanes = (np.arange(count) + 0.5 + rng.uniform(-0.08, 0.08, count)) / count
    starts, ends = rng.uniform(_EDGE, _EDGE + 0.15, count), rng.uniform(0.85 - _EDGE, 1 - _EDGE, count)
    radii, turns = rng.uniform(0.1, 0.14, count), rng.uniform(-0.3, 0.3, count)
    ground = sample_ground(rng, size)
    pictures = []
    for share in np.linspace(0, 1, frames):
        picture = Image.fromarray(ground, "RGB")
        draw = ImageDraw.Draw(picture)
        for number, (shape, _) in enumerate(shapes):
            along = starts[number] + share * (ends[number] - starts[number])
            middle = _place(direction, along, lanes[number]) * size
            draw_shape(draw, shape, middle, radii[number] * size, turns[number], paints[number])
        pictures.append(np.asarray(picture))
    return MovingShapes(np.stack(pictures), shapes, direction)


def _place(direction: str, along: float, lane: float) -> np.ndarray:
    """Where a shape is, over the side of the picture, that has gone a share of the way in its lane."""
    step_x, step_y = _STEPS[direction]
    gone = along if step_x + step_y > 0 else 1 - along
    return np.array([gone, lane] if step_x else [lane, gone])
