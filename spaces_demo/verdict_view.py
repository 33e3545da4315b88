"""The label, the probabilities and the gate as bars."""

from html import escape
from typing import Any

from engine import label_name
from words import say


def verdict_html(analysis: Any, model: str, language: str, heading: str = "verdict", answer: str = "") -> str:
    """Show what the model made of a clip.

    Args:
        analysis: The analyzer's `EmotionAnalysis`.
        model: Name of the model.
        language: `"en"` or `"zh"`.
        heading: Key of the words above it.
        answer: What the model said, where it is not shown elsewhere.

    Returns:
        A section of HTML.
    """
    label = analysis.label
    name = escape(label_name(label, language))
    known = "answered_with" if analysis.adapter else "answered_by"
    by = f'<p class="eq-by">{escape(say(known, language, model=model, adapter=analysis.adapter))}</p>'
    said = f'<p class="eq-answer">{escape(answer)}</p>' if answer else ""
    return (
        f'<section class="eq-verdict" lang="{language}"><h2>{say(heading, language)}</h2>'
        f'<p class="eq-label"><i class="eq-{escape(label)}"></i><strong>{name}</strong>'
        f"<span>{analysis.probabilities[label]:.0%}</span></p>{by}{said}"
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
