"""The key frames, their faces boxed, each beside its masked twin."""

from html import escape
from typing import Any

from engine import label_name
from key_frame_pictures import picture_source
from words import say


def key_frames_html(capture: Any, frames: Any, masked: Any, times: tuple[float, ...], language: str) -> str:
    """Show the frames that the faces were judged by.

    Args:
        capture: The analyzer's `FaceCapture`.
        frames: Decoded frames, uint8 RGB (T, 3, H, W).
        masked: Masked key frames, uint8 RGB (K, 3, H, W).
        times: Seconds of each frame.
        language: `"en"` or `"zh"`.

    Returns:
        A section of HTML; empty without a key frame.
    """
    if not capture.key_frames:
        return ""
    people = person_numbers(capture)
    figures = "".join(
        _figure(number, key_frame, frames[key_frame.frame], twin, times, people, language)
        for number, (key_frame, twin) in enumerate(zip(capture.key_frames, masked, strict=True), start=1)
    )
    heading = say("key_frames", language)
    return f'<section class="eq-frames" lang="{language}"><h2>{heading}</h2><div>{figures}</div></section>'


def person_numbers(capture: Any) -> dict[int, int]:
    """Number the people of a clip from 1, in the order of their tracks."""
    return {track: number for number, track in enumerate(capture.tracks, start=1)}


def _figure(
    number: int,
    key_frame: Any,
    frame: Any,
    twin: Any,
    times: tuple[float, ...],
    people: dict[int, int],
    language: str,
) -> str:
    name = escape(label_name(key_frame.label, language))
    height, width = frame.shape[-2:]
    several = len(people) > 1
    boxes = "".join(
        _box(box, width, height, key_frame.label if index == 0 else None, people.get(track) if several else None)
        for index, (box, track) in enumerate(zip(key_frame.boxes, key_frame.tracks, strict=True))
    )
    time = times[key_frame.frame]
    seek = (
        f'<button type="button" class="eq-seek" data-time="{time:.3f}">{say("show_at", language, time=time)}</button>'
        if len(times) > 1
        else ""
    )
    person = say("person", language, number=people[key_frame.tracks[0]]) if several else ""
    alt = say("key_frame_alt", language, number=number, name=name)
    return (
        f'<figure><div class="eq-pair"><div class="eq-frame">'
        f'<img src="{picture_source(frame)}" alt="{alt}">{boxes}</div>'
        f'<div class="eq-frame"><img src="{picture_source(twin)}" alt="{say("masked_alt", language)}"></div></div>'
        f'<figcaption><span class="eq-number eq-{escape(key_frame.label)}">{number}</span>'
        f"<strong>{name}</strong> {key_frame.confidence:.0%} {person} {seek}</figcaption></figure>"
    )


def _box(box: tuple[float, ...], width: int, height: int, label: str | None, person: int | None) -> str:
    """A face's frame: in the colour of the emotion that it was chosen for, or dashed for somebody else's."""
    left, top, right, bottom = box
    place = (
        f"left:{100 * left / width:.2f}%;top:{100 * top / height:.2f}%;"
        f"width:{100 * (right - left) / width:.2f}%;height:{100 * (bottom - top) / height:.2f}%"
    )
    kind = "eq-beside" if label is None else f"eq-{escape(label)}"
    number = "" if person is None else f"<b>{person}</b>"
    return f'<span class="eq-box {kind}" style="{place}">{number}</span>'
