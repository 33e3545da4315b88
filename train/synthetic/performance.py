"""What a face does through a clip: its expressions one after another, blinks, a gaze, and a swaying head."""

from dataclasses import dataclass

import numpy as np

from emotion_qwen.train.synthetic.expressions import Expression, expression_level, sample_expression
from emotion_qwen.train.synthetic.head_renderer import View

LEAST_FRAMES = 4
"""Frames that an expression needs: to grow, to be seen and to fade."""
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

    def level(self, frame: int) -> float:
        """How far the expression has grown at a frame, 0 (not shown) to 1 (apex)."""
        return expression_level(frame, self.onset, self.apex, self.offset, self.hold)


def plan_events(rng: np.random.Generator, labels: list[str], frames: int, start: int = 0) -> tuple[ClipEvent, ...]:
    """Spreads expressions evenly over a clip, each with its own onset, apex and offset.

    Args:
        rng: Source of randomness.
        labels: Emotions in order.
        frames: Length of the clip, or of the part of it that they fill.
        start: Frame where that part begins.

    Raises:
        ValueError: fewer than four frames for an expression.
    """
    share = frames / len(labels)
    if share < LEAST_FRAMES:
        raise ValueError(f"{frames} frames are too few for {len(labels)} expressions: at least {LEAST_FRAMES} each")
    events = []
    for number, label in enumerate(labels):
        onset, offset = round(number * share), round((number + 1) * share)
        length = offset - onset
        apex = onset + int(np.clip(round(length * rng.uniform(0.4, 0.6)), 2, length - 2))
        hold = int(length * rng.uniform(0.05, 0.2))
        hold = min(hold, offset - apex - 2)
        expression = sample_expression(rng, label)
        events.append(ClipEvent(expression, start + onset, start + apex, start + offset, hold))
    return tuple(events)


def sample_blinks(rng: np.random.Generator, seconds: float) -> np.ndarray:
    """Draws the times of a clip's blinks: one every three seconds, at least one.

    Args:
        rng: Source of randomness.
        seconds: Length of the clip.

    Returns:
        float64 (blinks,), seconds, in no order.
    """
    return rng.uniform(0, seconds, max(1, int(seconds / 3)))


@dataclass(frozen=True)
class Performance:
    """What one face does through a clip.

    Attributes:
        events: In order of time.
        fps: Frames a second.
        gaze: Where the eyes look, as face units.
        blinks: Times of the blinks, seconds.
        phases: Of the head's sway in yaw, pitch and shift, radians.
    """

    events: tuple[ClipEvent, ...]
    fps: float
    gaze: dict[str, float]
    blinks: np.ndarray
    phases: np.ndarray

    def units(self, frame: int) -> dict[str, float]:
        """Face units at a frame; a blink must not hide an apex."""
        level, units = self._expression(frame)
        units = units | self.gaze
        blink = (
            0.9 * (1 - level) * float(np.exp(-((np.abs(self.blinks - frame / self.fps).min() / _BLINK_SECONDS) ** 2)))
        )
        for side in ("eyeBlinkLeft", "eyeBlinkRight"):
            units[side] = max(units.get(side, 0.0), blink)
        return units

    def view(self, view: View, frame: int) -> View:
        """The view of the swaying head at a frame.

        Args:
            view: What it sways around.
            frame: Which frame.
        """
        sway = np.sin(frame / self.fps * np.array([1.3, 0.9, 1.1]) + self.phases) * _SWAY
        return View(
            yaw=view.yaw + float(sway[0]),
            pitch=view.pitch + float(sway[1]),
            roll=view.roll,
            scale=view.scale,
            shift=(view.shift[0] + float(sway[2]), view.shift[1]),
        )

    def _expression(self, frame: int) -> tuple[float, dict[str, float]]:
        """Level of the expression that shows at a frame, and its face units."""
        for event in self.events:
            level = event.level(frame)
            if level > 0:
                return level, event.expression.at(level)
        return 0.0, {}
