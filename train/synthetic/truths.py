"""Records of every task without media: what can be said about pictures, without drawing most of them."""

import numpy as np

from emotion_qwen.inference.prompts import EMOTION_LABELS
from emotion_qwen.train.synthetic.expressions import sample_expression
from emotion_qwen.train.synthetic.groups import MOST_PEOPLE
from emotion_qwen.train.synthetic.moving import sample_moving
from emotion_qwen.train.synthetic.records import Record
from emotion_qwen.train.synthetic.setting import SETTINGS
from emotion_qwen.train.synthetic.shapes import sample_shapes
from emotion_qwen.train.synthetic.words import sample_word

_SIDE = 32
"""Of the drawings (pixels) whose truth is taken; their pixels are not used."""
_FRAMES = 12


def sample_truths(rng: np.random.Generator) -> tuple[Record, ...]:
    """Draws the truth of one picture or clip of each kind: a person, people in a clip, shapes, a word, moving shapes.

    Args:
        rng: Source of randomness.

    Returns:
        Records with what sentences are made from: no media, split or id.
    """
    expression = sample_expression(rng, str(rng.choice(EMOTION_LABELS)))
    face = {"task": "emotion", "label": expression.label, "action_units": expression.action_units}
    still = face | {"kind": "image", "background": str(rng.choice(list(SETTINGS)))}
    people = [{}] * int(rng.integers(1, MOST_PEOPLE + 1))
    clip = {"kind": "video", "apex_frame": int(rng.integers(_FRAMES)), "frames": _FRAMES, "people": people}
    shapes = [vars(shape) for shape in sample_shapes(rng, _SIDE)[1]]
    moving = sample_moving(rng, _SIDE, frames=2)
    return (
        still,
        face | clip,
        {"task": "shapes", "kind": "image", "shapes": shapes},
        {"task": "words", "kind": "image", **vars(sample_word(rng, _SIDE)[1])},
        {
            "task": "moving",
            "kind": "video",
            "direction": moving.direction,
            "shapes": [{"shape": shape, "colour": colour} for shape, colour in moving.shapes],
        },
    )
