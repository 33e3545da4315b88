"""Short clips: a face that goes from neutral through one or more expressions, with the true apex frames."""

from dataclasses import dataclass

import numpy as np

from emotion_qwen.train.synthetic.backgrounds import sample_background
from emotion_qwen.train.synthetic.clip_lengths import CLIP_FPS
from emotion_qwen.train.synthetic.head_model import HeadModel
from emotion_qwen.train.synthetic.head_renderer import Box, over_background, render_head
from emotion_qwen.train.synthetic.performance import ClipEvent, Performance, plan_events, sample_blinks
from emotion_qwen.train.synthetic.photo_effects import apply_photo_effects, sample_photo_effects
from emotion_qwen.train.synthetic.setting import background_colour
from emotion_qwen.train.synthetic.stills import clipped_box, sample_gaze, sample_light, sample_view


@dataclass(frozen=True)
class Clip:
    """A clip and its truth.

    Attributes:
        frames: uint8 (T, H, W, 3) RGB.
        fps: Frames a second.
        events: In order of time.
        face_boxes: Per frame x0, y0, x1, y1, pixels, within the frame.
        background: Its colour at the strongest expression's apex, see `background_colour`.
    """

    frames: np.ndarray
    fps: float
    events: tuple[ClipEvent, ...]
    face_boxes: tuple[Box, ...]
    background: str | None

    @property
    def strongest(self) -> ClipEvent:
        """The event with the greatest intensity; of equals, the first."""
        return _strongest(self.events)


def sample_clip(
    rng: np.random.Generator,
    head: HeadModel,
    labels: list[str],
    frames: int = 12,
    fps: float = CLIP_FPS,
    size: tuple[int, int] = (112, 112),
    face_height: tuple[float, float] = (0.5, 0.8),
    length: int | None = None,
) -> Clip:
    """Renders a clip of one person.

    Args:
        rng: Source of randomness.
        head: Who.
        labels: Emotions in order.
        frames: Number of frames.
        fps: Frames a second.
        size: Height and width, pixels.
        face_height: Least and greatest height of the face box over that of the frame.
        length: Frames that the expressions fill, from a frame that is drawn on; None: all of them.
    """
    start = 0 if length is None else int(rng.integers(0, frames - length + 1))
    events = plan_events(rng, labels, frames if length is None else length, start)
    view, light = sample_view(rng, face_height), sample_light(rng)
    gaze, background, effects = sample_gaze(rng), sample_background(rng, size), sample_photo_effects(rng)
    blinks, phases = sample_blinks(rng, frames / fps), rng.uniform(0, 2 * np.pi, 3)
    performance = Performance(events, fps, gaze, blinks, phases)
    pictures, boxes, covers = [], [], []
    for frame in range(frames):
        rendered = render_head(head, performance.units(frame), performance.view(view, frame), light, size)
        picture = over_background(rendered.rgba, background)
        pictures.append(np.asarray(apply_photo_effects(picture, effects, rng)))
        boxes.append(clipped_box(rendered))
        covers.append(rendered.rgba[..., 3])
    apex = _strongest(events).apex
    return Clip(np.stack(pictures), fps, events, tuple(boxes), background_colour(pictures[apex], covers[apex]))


def _strongest(events: tuple[ClipEvent, ...]) -> ClipEvent:
    return max(events, key=lambda event: event.expression.intensity)
