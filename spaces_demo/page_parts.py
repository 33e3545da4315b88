"""What each part of the page shows for a step of a reading."""

from dataclasses import dataclass
from typing import Any

import engine
from key_frames_view import key_frames_html
from reading import BOTH, OFF, Step
from result_file import download_html, result_dict
from timeline_view import timeline_html
from verdict_view import note_html, verdict_html, verdicts_html
from words import say


@dataclass(frozen=True)
class Evidence:
    """What the faces tell, before the model has answered.

    Attributes:
        timeline: HTML of the timeline.
        key_frames: HTML of the key frames.
        notes: HTML of what is special: no face, several people, Facial Emotion Capture off.
    """

    timeline: str
    key_frames: str
    notes: str


def evidence_of(seen: Any, capture: str, language: str) -> Evidence:
    """Draw what the faces tell.

    Args:
        seen: The opened file and its faces.
        capture: `ON`, `OFF` or `BOTH`.
        language: `"en"` or `"zh"`.
    """
    media, faces = seen.media, seen.capture
    masked = engine.analyzer().masked_key_frames(media, faces)
    notes = []
    if not faces.has_faces:
        notes.append(say("no_face", language))
    if len(faces.tracks) > 1:
        notes.append(say("several_faces", language, count=len(faces.tracks)))
    if capture == OFF:
        notes.append(say("capture_off", language))
    return Evidence(
        timeline=timeline_html(faces, media.timestamps, language),
        key_frames=key_frames_html(faces, media.frames, masked, media.timestamps, language),
        notes="".join(map(note_html, notes)),
    )


def verdicts_of(step: Step, capture: str, language: str) -> str:
    """Draw the verdict, or both of them side by side.

    Args:
        step: A step that knows the faces.
        capture: `ON`, `OFF` or `BOTH`.
        language: `"en"` or `"zh"`.
    """
    model, has_faces = engine.SETTINGS.model_name, step.seen.capture.has_faces
    if capture != BOTH:
        return verdict_html(step.analyses[0], model, language, has_faces=has_faces) if step.analyses else ""
    headings = ("with_capture", "without_capture")
    return verdicts_html(
        [
            verdict_html(analysis, model, language, heading, analysis.text, has_faces)
            for analysis, heading in zip(step.analyses, headings, strict=False)
        ]
    )


def download_of(step: Step, language: str) -> str:
    """Make the link to the JSON."""
    return download_html(result_dict(step.seen, list(step.analyses), engine.SETTINGS.model_name), language)
