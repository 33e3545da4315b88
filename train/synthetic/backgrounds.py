"""Backgrounds to lay behind a head: plain, painted, graded, blotchy, grainy, or a blurred room-like pile of boxes."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from emotion_qwen.train.synthetic.shapes import COLOURS, sample_paint

_KINDS = ("plain", "painted", "painted", "gradient", "blobs", "boxes", "noise")
"""One is drawn; painted ones, whose colour has a name, twice as often as others."""


def sample_background(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Draws a background.

    Args:
        rng: Source of randomness.
        size: Height and width, pixels.

    Returns:
        uint8 (height, width, 3).
    """
    kind = _KINDS[rng.integers(len(_KINDS))]
    if kind == "plain":
        return np.broadcast_to(_colour(rng), (*size, 3)).copy()
    if kind == "painted":
        return np.full((*size, 3), sample_paint(rng, str(rng.choice(list(COLOURS)))), np.uint8)
    if kind == "gradient":
        return _gradient(rng, size)
    if kind == "blobs":
        return _coarse_noise(rng, size, int(rng.integers(3, 7)))
    if kind == "boxes":
        return _boxes(rng, size)
    fine = rng.normal(0, rng.uniform(4, 14), (*size, 3))
    return np.clip(_gradient(rng, size) + fine, 0, 255).astype(np.uint8)


def _colour(rng: np.random.Generator) -> np.ndarray:
    grey = rng.uniform(10, 245)
    return np.clip(grey + rng.normal(0, 28, 3), 0, 255).astype(np.uint8)


def _gradient(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    corners = np.stack([_colour(rng) for _ in range(4)]).reshape(2, 2, 3)
    return np.asarray(Image.fromarray(corners, "RGB").resize(size[::-1], Image.Resampling.BILINEAR))


def _coarse_noise(rng: np.random.Generator, size: tuple[int, int], cells: int) -> np.ndarray:
    colours = np.clip(_colour(rng) + rng.normal(0, 45, (cells, cells, 3)), 0, 255).astype(np.uint8)
    return np.asarray(Image.fromarray(colours, "RGB").resize(size[::-1], Image.Resampling.BICUBIC))


def _boxes(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    height, width = size
    picture = Image.fromarray(_gradient(rng, size), "RGB")
    draw = ImageDraw.Draw(picture)
    for _ in range(rng.integers(3, 12)):
        x, y = rng.uniform(-0.2, 1, 2) * (width, height)
        box = (x, y, x + rng.uniform(0.05, 0.6) * width, y + rng.uniform(0.05, 0.8) * height)
        shape = draw.rectangle if rng.random() < 0.7 else draw.ellipse
        shape(box, fill=tuple(int(channel) for channel in _colour(rng)))
    return np.asarray(picture.filter(ImageFilter.GaussianBlur(float(rng.uniform(0, 0.03) * height))))
