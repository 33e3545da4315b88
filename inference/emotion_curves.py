"""The chart of emotion over time, with the key frames marked on it."""

import math
from collections.abc import Sequence

from PIL import Image, ImageDraw

from .analysis import TimelinePoint
from .palette import FRAME, MUTED, PAPER, emotion_color, text_on
from .typeface import Typeface

_OVERSAMPLING = 3  # Pillow draws lines without smoothing; drawing larger and shrinking smooths them
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 16, 36, 30
_FONT_SIZE = 15
_MARKER_RADIUS = 12
_STRONG = 0.3
_MAX_TICKS = 10


def draw_curves(
    timeline: Sequence[TimelinePoint],
    markers: Sequence[tuple[float, str]],
    size: tuple[int, int],
    typeface: Typeface,
) -> Image.Image:
    """Draw one curve per emotion over the time of a clip.

    Args:
        timeline: At least two readings, in time order.
        markers: (time in seconds, emotion) of each key frame, numbered from 1 in the drawing.
        size: (width, height) of the chart in pixels.
        typeface: Font of the numbers.

    Returns:
        An RGB picture of that size.
    """
    axes = _Axes(timeline[0].time, timeline[-1].time, size)
    chart = Image.new("RGB", size, PAPER)
    _draw_grid(ImageDraw.Draw(chart), axes)
    large = chart.resize((size[0] * _OVERSAMPLING, size[1] * _OVERSAMPLING))
    _draw_lines(ImageDraw.Draw(large), axes, timeline, markers)
    chart = large.resize(size, Image.Resampling.LANCZOS)
    _draw_ticks(ImageDraw.Draw(chart), axes, typeface)
    _draw_markers(chart, axes, markers, typeface)
    return chart


class _Axes:
    """Where a time and a probability lie in the chart."""

    def __init__(self, start: float, end: float, size: tuple[int, int]) -> None:
        self.start, self.end, self.size = start, max(end, start + 1e-6), size
        self.left, self.right, self.top, self.bottom = _LEFT, size[0] - _RIGHT, _TOP, size[1] - _BOTTOM

    def x(self, time: float) -> float:
        share = (time - self.start) / (self.end - self.start)
        return self.left + min(max(share, 0.0), 1.0) * (self.right - self.left)

    def y(self, probability: float) -> float:
        return self.bottom - min(max(probability, 0.0), 1.0) * (self.bottom - self.top)


def _draw_grid(draw: ImageDraw.ImageDraw, axes: _Axes) -> None:
    for share in (0.0, 0.5, 1.0):
        draw.line([(axes.left, axes.y(share)), (axes.right, axes.y(share))], fill=FRAME)


def _draw_lines(
    draw: ImageDraw.ImageDraw, axes: _Axes, timeline: Sequence[TimelinePoint], markers: Sequence[tuple[float, str]]
) -> None:
    scale = _OVERSAMPLING
    for time, label in markers:
        top, bottom, x = axes.top * scale, axes.bottom * scale, axes.x(time) * scale
        for y in range(top, bottom, 8 * scale):
            draw.line([(x, y), (x, min(y + 4 * scale, bottom))], fill=emotion_color(label), width=scale)
    peaks = {label: max(point.probabilities[label] for point in timeline) for label in timeline[0].probabilities}
    for label in sorted(peaks, key=peaks.__getitem__):
        corners = [(axes.x(point.time) * scale, axes.y(point.probabilities[label]) * scale) for point in timeline]
        width = 3 * scale if peaks[label] >= _STRONG else scale
        draw.line(corners, fill=emotion_color(label), width=width, joint="curve")


def _draw_ticks(draw: ImageDraw.ImageDraw, axes: _Axes, typeface: Typeface) -> None:
    font = typeface.font(_FONT_SIZE)
    for share in (0.0, 0.5, 1.0):
        draw.text((axes.left - 8, axes.y(share)), f"{share:.0%}", fill=MUTED, font=font, anchor="rm")
    step = _nice_step((axes.end - axes.start) / _MAX_TICKS)
    first = math.ceil(axes.start / step - 1e-6)
    last = math.floor(axes.end / step + 1e-6)
    for tick in range(first, last + 1):
        x = axes.x(tick * step)
        draw.line([(x, axes.bottom), (x, axes.bottom + 4)], fill=MUTED)
        text = f"{tick * step:g} s"
        half = typeface.width(text, _FONT_SIZE) / 2
        draw.text((min(x, axes.size[0] - half), axes.bottom + 9), text, fill=MUTED, font=font, anchor="mt")


def _nice_step(step: float) -> float:
    """The round number (1, 2 or 5 times a power of ten) that is not below a step."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step * (1 - 1e-9))


def _draw_markers(chart: Image.Image, axes: _Axes, markers: Sequence[tuple[float, str]], typeface: Typeface) -> None:
    draw = ImageDraw.Draw(chart)
    exact = [axes.x(time) for time, _ in markers]
    centers = spread(exact, 2 * _MARKER_RADIUS + 4, _MARKER_RADIUS, axes.size[0] - _MARKER_RADIUS - 1)
    middle = axes.top - _MARKER_RADIUS - 6
    for number, (x, center, (_, label)) in enumerate(zip(exact, centers, markers, strict=True), start=1):
        draw.line([(center, middle), (x, axes.top)], fill=emotion_color(label), width=2)
        draw_number(chart, (center, middle), number, label, typeface)


def draw_number(
    picture: Image.Image, center: tuple[float, float], number: int, label: str, typeface: Typeface
) -> None:
    """Draw a key frame's number in a disc of its emotion's color.

    Args:
        picture: RGB picture to draw on.
        center: (x, y) of the disc in pixels.
        number: The key frame's number, from 1.
        label: Its emotion.
        typeface: Font of the number.
    """
    radius, scale = _MARKER_RADIUS, _OVERSAMPLING
    corner = (round(center[0]) - radius, round(center[1]) - radius)
    disc = Image.new("L", (2 * radius * scale, 2 * radius * scale))
    ImageDraw.Draw(disc).ellipse([0, 0, disc.width - 1, disc.height - 1], fill=255)
    disc = disc.resize((2 * radius, 2 * radius), Image.Resampling.LANCZOS)
    picture.paste(emotion_color(label), (*corner, corner[0] + 2 * radius, corner[1] + 2 * radius), disc)
    draw = ImageDraw.Draw(picture)
    font = typeface.font(_FONT_SIZE)
    draw.text((corner[0] + radius, corner[1] + radius), str(number), fill=text_on(label), font=font, anchor="mm")


def spread(positions: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move positions apart as little as needed to keep a gap, inside a range.

    Args:
        positions: In rising order.
        gap: Smallest distance between neighbours.
        low: Lowest position.
        high: Highest position; all positions must fit in between with their gaps.

    Returns:
        The moved positions, in the same order.
    """
    moved = [max(position, low) for position in positions]
    for index in range(1, len(moved)):
        moved[index] = max(moved[index], moved[index - 1] + gap)
    ceiling = high
    for index in reversed(range(len(moved))):
        moved[index] = min(moved[index], ceiling)
        ceiling = moved[index] - gap
    return moved
