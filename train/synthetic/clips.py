"""Short clips: a face that goes from neutral through one or more expressions, with the true apex frames."""

from dataclasses import dataclass

import numpy as np

from emotion_qwen.train.synthetic.backgrounds import sample_background
from emotion_qwen.train.synthetic.expressions import Expression, expression_level, sample_expression
from emotion_qwen.train.synthetic.head_model import HeadModel
from emotion_qwen.train.synthetic.head_renderer import View, over_background, render_head
from emotion_qwen.train.synthetic.photo_effects import apply_photo_effects, sample_photo_effects
from emotion_qwen.train.synthetic.stills import clipped_box, sample_gaze, sample_light, sample_view

_BLINK_SECONDS = 0.12
_SWAY = (6.0, 2.5, 0.02)
"""Greatest yaw and pitch (degrees) and shift (frame heights) of the swaying head."""


@dataclass(frozen=True)
class ClipEvent:
    """One expression within a clip.

    Attributes:
        expression: What the face shows at the apex.
        onset, apex, offset: Frame indices: still neutral, full, neutral again (the number of frames if it ends first).
        hold: Frames that it stays near the apex.
    """

    expression: Expression
    onset: int
    apex: int
    offset: int
    hold: int


@dataclass(frozen=True)
class Clip:
    """A clip and its truth.

    Attributes:
        frames: uint8 (T, H, W, 3) RGB.
        fps: Frames a second.
        events: In order of time.
        face_boxes: Per frame x0, y0, x1, y1, pixels, within the frame.
    """

    frames: np.ndarray
    fps: float
    events: tuple[ClipEvent, ...]
    face_boxes: tuple[tuple[float, float, float, float], ...]

    @property
    def strongest(self) -> ClipEvent:
        """The event with the greatest intensity; of equals, the first."""
        return max(self.events, key=lambda event: event.expression.intensity)


def plan_events(rng: np.random.Generator, labels: list[str], frames: int) -> tuple[ClipEvent, ...]:
    """Spreads expressions evenly over a clip, each with its own onset, apex and offset.

    Args:
        rng: Source of randomness.
        labels: Emotions in order.
        frames: Length of the clip.

    Raises:
        ValueError: fewer than four frames for an expression.
    """
    share = frames / len(labels)
    if share < 4:
        raise ValueError(f"{frames} frames are too few for {len(labels)} expressions: at least 4 each")
    events = []
    for number, label in enumerate(labels):
        start, end = round(number * share), round((number + 1) * share)
        length = end - start
        apex = start + int(np.clip(round(length * rng.uniform(0.4, 0.6)), 2, length - 2))
        hold = int(length * rng.uniform(0.05, 0.2))
        hold = min(hold, end - apex - 2)
        events.append(ClipEvent(sample_expression(rng, label), start, apex, end, hold))
    return tuple(events)


def sample_clip(
    rng: np.random.Generator,
    head: HeadModel,
    labels: list[str],
    frames: int = 12,
    fps: float = 3.0,
    size: tuple[int, int] = (112, 112),
    face_height: tuple[float, float] = (0.5, 0.8),
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
    """
    events = plan_events(rng, labels, frames)
    view, light = sample_view(rng, face_height), sample_light(rng)
    gaze, background, effects = sample_gaze(rng), sample_background(rng, size), sample_photo_effects(rng)
    blinks = rng.uniform(0, frames / fps, max(1, int(frames / fps / 3)))
    phases = rng.uniform(0, 2 * np.pi, 3)
    pictures, boxes = [], []
    for frame in range(frames):
        level, units = _units_at(events, frame)
        units = units | gaze
        blink = 0.9 * (1 - level) * float(np.exp(-((np.abs(blinks - frame / fps).min() / _BLINK_SECONDS) ** 2)))
        for side in ("eyeBlinkLeft", "eyeBlinkRight"):
            units[side] = max(units.get(side, 0.0), blink)
        rendered = render_head(head, units, _swayed(view, frame / fps, phases), light, size)
        picture = over_background(rendered.rgba, background)
        pictures.append(np.asarray(apply_photo_effects(picture, effects, rng)))
        boxes.append(clipped_box(rendered))
    return Clip(np.stack(pictures), fps, events, tuple(boxes))


def _units_at(events: tuple[ClipEvent, ...], frame: int) -> tuple[float, dict[str, float]]:
    """Level of the expression that shows at a frame, and its face units; a blink must not hide an apex."""
    for event in events:
        level = expression_level(frame, event.onset, event.apex, event.offset, event.hold)
        if level > 0:
            return level, event.expression.at(level)
    return 0.0, {}


def _swayed(view: View, seconds: float, phases: np.ndarray) -> View:
    sway = np.sin(seconds * np.array([1.3, 0.9, 1.1]) + phases) * _SWAY
    return View(
        yaw=view.yaw + float(sway[0]),
        pitch=view.pitch + float(sway[1]),
        roll=view.roll,
        scale=view.scale,
        shift=(view.shift[0] + float(sway[2]), view.shift[1]),
    )
