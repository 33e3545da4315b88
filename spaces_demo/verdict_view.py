"""The label, the probabilities and the gate as bars."""

from html import escape
from typing import Any

from engine import label_name
from words import say


def verdict_html(
    analysis: Any, model: str, language: str, heading: str | None = None, answer: str = "", has_faces: bool = True
) -> str:
    """Show what the model made of a clip.

    Args:
        analysis: The analyzer's `EmotionAnalysis`.
        model: Name of the model.
        language: `"en"` or `"zh"`.
        heading: Key of the words above it; None for words that say whether it is about a face.
        answer: What the model said, where it is not shown elsewhere.
        has_faces: Whether a face was found; without one, what the model answers is a guess about the scene.

    Returns:
        A section of HTML.
    """
    headline = _headline(analysis, language) if has_faces else _guess(analysis, language, heading is None)
    known = "answered_with" if analysis.adapter else "answered_by"
    by = f'<p class="eq-by">{escape(say(known, language, model=model, adapter=analysis.adapter))}</p>'
    said = f'<p class="eq-answer">{escape(answer)}</p>' if answer else ""
    return (
        f'<section class="eq-verdict" lang="{language}">'
        f"<h2>{say(heading or ('verdict' if has_faces else 'no_face_verdict'), language)}</h2>{headline}{by}{said}"
        f"{_probabilities(analysis.probabilities, language)}{_gate(analysis.gate, language)}</section>"
    )


def verdicts_html(sections: list[str]) -> str:
    """Put verdicts side by side."""
    return f'<div class="eq-side">{"".join(sections)}</div>'


def note_html(text: str, kind: str = "note") -> str:
    """A sentence about the state of things.

    Args:
        text: The sentence.
        kind: `"note"`, or `"problem"` for one that is read aloud at once.
    """
    role = "alert" if kind == "problem" else "status"
    return f'<p class="eq-{kind}" role="{role}">{escape(text)}</p>'


def status_html(text: str) -> str:
    """What goes on now, read aloud when there is time."""
    return f'<p class="eq-status" role="status">{escape(text)}</p>'


def _headline(analysis: Any, language: str) -> str:
    """The label in large letters and its colour."""
    label = analysis.label
    return (
        f'<p class="eq-label"><i class="eq-{escape(label)}"></i><strong>{escape(label_name(label, language))}</strong>'
        f"<span>{analysis.probabilities[label]:.0%}</span></p>"
    )


def _guess(analysis: Any, language: str, is_explained: bool) -> str:
    """The label in small letters: nobody's face shows it.

    Args:
        analysis: The analyzer's `EmotionAnalysis`.
        language: `"en"` or `"zh"`.
        is_explained: Whether the heading says already what it is.
    """
    label = analysis.label
    explained = "" if is_explained else f'<p class="eq-help">{say("no_face_verdict", language)}</p>'
    name = escape(label_name(label, language))
    return f'{explained}<p class="eq-guess">{name} {analysis.probabilities[label]:.0%}</p>'


def _probabilities(probabilities: dict[str, float], language: str) -> str:
    rows = "".join(
        f"<li><span>{escape(label_name(label, language))}</span>"
        f'<span class="eq-bar"><i class="eq-{escape(label)}" style="width:{100 * share:.1f}%"></i></span>'
        f"<span>{share:.0%}</span></li>"
        for label, share in probabilities.items()
    )
    return f'<h3>{say("probabilities", language)}</h3><ul class="eq-bars">{rows}</ul>'


def _gate(gate: Any, language: str) -> str:
    if gate is None:
        return ""
    emotion, general = (f"{100 * share:.0f}%" for share in (gate.emotion, gate.general))
    return (
        f'<h3>{say("gate", language)}</h3><p class="eq-help">{say("gate_help", language)}</p><div class="eq-gate">'
        f"<span>{say('gate_emotion', language)} {emotion}</span><span>{say('gate_general', language)} {general}</span>"
        f'<div><i style="width:{100 * gate.emotion:.1f}%"></i></div></div>'
    )
