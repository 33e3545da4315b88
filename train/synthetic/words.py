"""Pictures of one drawn word: which word and in which colour are known exactly."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from emotion_qwen.train.synthetic.shapes import COLOURS, sample_ground, sample_paint

WORDS = {
    "cat": "猫",
    "dog": "狗",
    "sun": "太阳",
    "car": "汽车",
    "tree": "树",
    "fish": "鱼",
    "book": "书",
    "home": "家",
    "milk": "牛奶",
    "rain": "雨",
    "star": "星星",
    "yes": "是",
    "no": "不",
    "stop": "停",
    "go": "走",
    "love": "爱",
}
"""What is written, and what it means in Chinese. It is written in English: no font with Chinese is at hand everywhere,
and the same bytes must come out everywhere."""

_PROBE = 100
"""Size (pixels) of the font at which a word is measured."""
_STROKE = 60
"""One more pixel of stroke to each side for so many pixels of picture: the font itself is thin."""


@dataclass(frozen=True)
class DrawnWord:
    """One word: a key of `WORDS` and one of `COLOURS`."""

    word: str
    colour: str


def sample_word(rng: np.random.Generator, size: int) -> tuple[Image.Image, DrawnWord]:
    """Draws a word in capitals that fills most of the picture's width, in the font that Pillow carries.

    Args:
        rng: Source of randomness.
        size: Side of the picture, pixels.

    Returns:
        The RGB picture and its word.
    """
    drawn = DrawnWord(str(rng.choice(list(WORDS))), str(rng.choice(list(COLOURS))))
    picture = Image.fromarray(sample_ground(rng, size), "RGB")
    text = drawn.word.upper()
    left, top, right, bottom = ImageFont.load_default(_PROBE).getbbox(text)
    share = rng.uniform(0.65, 0.9) * size
    font = ImageFont.load_default(_PROBE * min(share / (right - left), 0.55 * size / (bottom - top)))
    left, top, right, bottom = font.getbbox(text, stroke_width=size // _STROKE)
    room = np.array([size - (right - left), size - (bottom - top)])
    x, y = (rng.uniform(0.2, 0.8, 2) * room - (left, top)).tolist()
    paint = sample_paint(rng, drawn.colour)
    ImageDraw.Draw(picture).text((x, y), text, font=font, fill=paint, stroke_width=size // _STROKE)
    return picture, drawn
