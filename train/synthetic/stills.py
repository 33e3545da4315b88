"""Still pictures of one expression, with their ground truth."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from emotion_qwen.train.synthetic.backgrounds import sample_background
from emotion_qwen.train.synthetic.expressions import Expression, sample_expression
from emotion_qwen.train.synthetic.head_model import HeadModel
from emotion_qwen.train.synthetic.head_renderer import Box, Light, RenderedHead, View, over_background, render_head
from emotion_qwen.train.synthetic.photo_effects import apply_photo_effects, sample_photo_effects
from emotion_qwen.train.synthetic.setting import background_colour

_FACE_SHARE = 0.62
"""Height of the face box over that of the head, on average: what turns a wanted face size into a scale."""


@dataclass(frozen=True)
class Still:
    """One picture.

    Attributes:
        picture: RGB.
        jpeg_quality: What to save it with.
        expression: What the face shows.
        face_box: x0, y0, x1, y1, pixels, within the frame.
        view: Where the head was seen from.
        background: Its colour, see `background_colour`.
    """

    picture: Image.Image
    jpeg_quality: int
    expression: Expression
    face_box: Box
    view: View
    background: str | None


def sample_view(rng: np.random.Generator, face_height: tuple[float, float]) -> View:
    """Draws a view that keeps the face in the frame.

    Args:
        rng: Source of randomness.
        face_height: Least and greatest height of the face box over that of the frame.
    """
    share = float(np.exp(rng.uniform(*np.log(face_height))))
    room = max(0.0, (1 - share) / 2 - 0.03)
    return View(
        yaw=float(np.clip(rng.normal(0, 10), -20, 20)),
        pitch=float(np.clip(rng.normal(0, 4), -8, 8)),
        roll=float(np.clip(rng.normal(0, 4), -10, 10)),
        scale=share / _FACE_SHARE,
        shift=(float(rng.uniform(-room, room)) * 0.8, float(rng.uniform(-room, room) * 0.7) - 0.05 * share),
    )


def sample_light(rng: np.random.Generator) -> Light:
    """Draws a light: from any side of the camera, warm to cool, soft to hard."""
    warmth = rng.uniform(-0.12, 0.12)
    return Light(
        azimuth=float(rng.uniform(-65, 65)),
        elevation=float(rng.uniform(-5, 60)),
        key=float(rng.uniform(0.45, 0.9)),
        ambient=float(rng.uniform(0.35, 0.7)),
        fill=float(rng.uniform(0.05, 0.3)),
        tint=(1 + float(warmth), 1.0, 1 - float(warmth)),
    )


def sample_gaze(rng: np.random.Generator) -> dict[str, float]:
    """Draws where the eyes look, as face units: mostly into the camera, else a little to a side."""
    aside, up = rng.normal(0, 0.18, 2)
    left, right = ("Out", "In") if aside > 0 else ("In", "Out")
    vertical = "Up" if up > 0 else "Down"
    return {
        f"eyeLook{left}Left": abs(float(aside)),
        f"eyeLook{right}Right": abs(float(aside)),
        f"eyeLook{vertical}Left": abs(float(up)) * 0.6,
        f"eyeLook{vertical}Right": abs(float(up)) * 0.6,
    }


def sample_still(
    rng: np.random.Generator, head: HeadModel, label: str, size: int, face_height: tuple[float, float]
) -> Still:
    """Draws one picture of a person showing an emotion.

    Args:
        rng: Source of randomness.
        head: Who.
        label: One of `EMOTION_LABELS`.
        size: Side of the picture, pixels.
        face_height: Least and greatest height of the face box over that of the frame.
    """
    expression = sample_expression(rng, label)
    view = sample_view(rng, face_height)
    rendered = render_head(head, sample_gaze(rng) | expression.face_units, view, sample_light(rng), (size, size))
    picture = over_background(rendered.rgba, sample_background(rng, (size, size)))
    effects = sample_photo_effects(rng)
    picture = apply_photo_effects(picture, effects, rng)
    background = background_colour(np.asarray(picture), rendered.rgba[..., 3])
    return Still(picture, effects.jpeg_quality, expression, clipped_box(rendered), view, background)


def clipped_box(rendered: RenderedHead) -> Box:
    """The face box within the frame, rounded to a tenth of a pixel."""
    height, width = rendered.rgba.shape[:2]
    x0, y0, x1, y1 = rendered.face_box
    return (
        round(max(x0, 0.0), 1),
        round(max(y0, 0.0), 1),
        round(min(x1, float(width)), 1),
        round(min(y1, float(height)), 1),
    )
