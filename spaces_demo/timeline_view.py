"""Emotions over time, one row for each person: an area per emotion, and a button for each stretch of one emotion."""

from html import escape
from itertools import groupby
from typing import Any

from engine import label_name
from key_frames_view import person_numbers
from words import say

_HEIGHT = 100  # units of the drawing, which stretches to its place
_MIN_SHARE_FOR_NAME = 0.14
_MAX_PEOPLE = 8  # but whoever has a key frame is always shown


def timeline_html(capture: Any, times: tuple[float, ...], language: str) -> str:
    """Show what was read in each person's face at each time.

    Args:
        capture: The analyzer's `FaceCapture`.
        times: Seconds of each frame.
        language: `"en"` or `"zh"`.

    Returns:
        A section of HTML; empty for a picture, or where no face was found.
    """
    if len(times) < 2 or not capture.has_faces:
        return ""
    numbers = person_numbers(capture)
    shown = _people_shown(capture)
    rows = "".join(_row(capture, track, numbers[track], times, language) for track in shown)
    left_out = ""
    if len(shown) < len(numbers):
        left_out = f"<p>{say('people_shown', language, shown=len(shown), count=len(numbers))}</p>"
    return (
        f'<section class="eq-timeline" lang="{language}" data-start="{times[0]:.3f}" data-end="{times[-1]:.3f}">'
        f"<h2>{say('timeline', language)}</h2><p>{say('timeline_help', language)}</p>{left_out}{rows}"
        f"{_axis(times)}{_legend(capture.labels, language)}</section>"
    )


def _people_shown(capture: Any) -> list[int]:
    """Tracks of those who get a row, in the order of their numbers: owners of key frames, then who is seen longest."""
    tracks, owners = capture.tracks, {key_frame.tracks[0] for key_frame in capture.key_frames}
    wanted = sorted(tracks, key=lambda track: (track not in owners, -len(tracks[track])))
    return sorted(wanted[: max(_MAX_PEOPLE, len(owners))])


def _row(capture: Any, track: int, number: int, times: tuple[float, ...], language: str) -> str:
    readings = capture.timeline(track)
    areas = "".join(_areas(readings, capture.labels, times))
    stretches = "".join(_stretches(readings, capture.labels, times, language))
    marks = "".join(
        f'<span class="eq-mark eq-{escape(key_frame.label)}" '
        f'style="left:{_percent(times[key_frame.frame], times):.2f}%">'
        f"{index}</span>"
        for index, key_frame in enumerate(capture.key_frames, start=1)
        if key_frame.tracks[0] == track
    )
    return (
        f'<div class="eq-person"><span>{say("person", language, number=number)}</span><div class="eq-track">'
        f'<svg viewBox="0 0 1000 {_HEIGHT}" preserveAspectRatio="none" aria-hidden="true">{areas}</svg>'
        f'{stretches}{marks}<i class="eq-head"></i></div></div>'
    )


def _areas(readings: Any, labels: tuple[str, ...], times: tuple[float, ...]) -> list[str]:
    """Stacked areas of one person, broken where the face is not seen."""
    areas = []
    for seen, group in groupby(range(len(times)), key=lambda frame: any(readings[frame])):
        frames = list(group)
        if not seen:
            continue
        middle = (times[-1] - times[0]) / (len(times) - 1) / 2
        low = [0.0] * len(frames)
        for index, label in enumerate(labels):
            high = [base + readings[frame][index] for base, frame in zip(low, frames, strict=True)]
            areas.append(
                f'<polygon class="eq-{escape(label)}" points="{_outline(frames, low, high, times, middle)}"/>'
            )
            low = high
    return areas


def _outline(frames: list[int], low: list[float], high: list[float], times: tuple[float, ...], middle: float) -> str:
    spots = [times[frame] for frame in frames]
    if len(frames) == 1:  # a lone frame still has a width
        spots, low, high = [spots[0] - middle, spots[0] + middle], low * 2, high * 2
    points = list(zip(spots, high, strict=True)) + list(zip(spots, low, strict=True))[::-1]
    return " ".join(f"{10 * _percent(time, times):.1f},{_HEIGHT * (1 - min(value, 1)):.1f}" for time, value in points)


def _stretches(readings: Any, labels: tuple[str, ...], times: tuple[float, ...], language: str) -> list[str]:
    """A button for each stretch in which one emotion leads; the keyboard's way to every part of the clip."""

    def leading(frame: int) -> str | None:
        return labels[max(range(len(labels)), key=readings[frame].__getitem__)] if any(readings[frame]) else None

    buttons = []
    for label, group in groupby(range(len(times)), key=leading):
        frames = list(group)
        if label is None:
            continue
        start, end = times[frames[0]], times[min(frames[-1] + 1, len(times) - 1)]
        peak = max(frames, key=lambda frame: readings[frame][labels.index(label)])
        left, width = _percent(start, times), _percent(end, times) - _percent(start, times)
        name = escape(label_name(label, language))
        shown = f"<b>{name}</b>" if width >= 100 * _MIN_SHARE_FOR_NAME else ""
        buttons.append(
            f'<button type="button" class="eq-stretch" data-time="{times[peak]:.3f}" '
            f'style="left:{left:.2f}%;width:{max(width, 0.5):.2f}%" '
            f'aria-label="{say("go_to", language, name=name, start=start, end=end)}">'
            f"{shown}</button>"
        )
    return buttons


def _axis(times: tuple[float, ...]) -> str:
    ticks = "".join(
        f"<span>{times[0] + share * (times[-1] - times[0]):.1f} s</span>" for share in (0, 0.25, 0.5, 0.75, 1)
    )
    return f'<div class="eq-axis" aria-hidden="true">{ticks}</div>'


def _legend(labels: tuple[str, ...], language: str) -> str:
    items = "".join(f'<li><i class="eq-{escape(x)}"></i>{escape(label_name(x, language))}</li>' for x in labels)
    return f'<ul class="eq-legend">{items}</ul>'


def _percent(time: float, times: tuple[float, ...]) -> float:
    return min(100.0, max(0.0, 100 * (time - times[0]) / (times[-1] - times[0])))
