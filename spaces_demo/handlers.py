"""What happens when somebody presses a button: steps of a reading to the page's components."""

from collections.abc import Iterator
from html import escape
from typing import Any

import gradio as gr

import engine
from engine import Request
from failures import ending_in_a_sentence
from page_parts import download_of, evidence_of, verdicts_of
from reading import OFF, Step, ask, read
from verdict_view import note_html, status_html

Message = dict[str, Any]


def read_for_page(
    path: str | None, question: str, language: str, capture: str, adapter: str
) -> Iterator[tuple[Any, ...]]:
    """Read the file that is on the page.

    Args:
        path: The uploaded file.
        question: What to ask; empty for the usual question.
        language: `"en"` or `"zh"`.
        capture: `"on"`, `"off"` or `"both"`.
        adapter: `"base"`, `"auto"` or an adapter's name.

    Yields:
        Values of: status, notes, timeline, verdicts, key frames, chat, download, and what the session remembers.
    """
    question = (question or "").strip() or None
    steps = _reading(path, question, language, capture, adapter)
    yield from ending_in_a_sentence("analyze", language, steps, _problem)


def ask_on_page(
    remembered: dict[str, Any] | None,
    conversation: list[Message],
    question: str,
    language: str,
    capture: str,
    adapter: str,
) -> Iterator[tuple[Any, ...]]:
    """Ask further about the file that was read last in this session.

    Yields:
        Values of: status, conversation, the question's box.
    """
    question = (question or "").strip()
    path, faces = (remembered["path"], remembered["faces"]) if remembered else (None, None)
    request = Request(question, language, capture != OFF, adapter)
    steps = (
        (status_html(step.sentence), _conversation(conversation, question, step), gr.skip() if index else "")
        for index, step in enumerate(ask(path, faces, request))  # emptied once: the next question may be typed already
    )

    def problem(sentence: str) -> tuple[Any, ...]:
        return status_html(""), [*conversation, *_turn(question or "…", sentence)], question

    yield from ending_in_a_sentence("ask", language, steps, problem)


def _reading(
    path: str | None, question: str | None, language: str, capture: str, adapter: str
) -> Iterator[tuple[Any, ...]]:
    asked = question or engine.usual_question(language)
    evidence = None
    yield gr.skip(), "", "", "", "", [], "", None
    for step in read(path, capture, Request(question, language, True, adapter)):
        notes = timeline = key_frames = gr.skip()
        if step.seen is not None and evidence is None:
            evidence = evidence_of(step.seen, capture, language)
            notes, timeline, key_frames = evidence.notes, evidence.timeline, evidence.key_frames
        yield (
            status_html(step.sentence),
            notes,
            timeline,
            verdicts_of(step, capture, language) if step.analyses else gr.skip(),
            key_frames,
            _conversation([], asked, step),
            gr.skip() if step.is_partial else download_of(step, language),
            gr.skip() if step.is_partial else {"path": path, "faces": step.seen.capture},
        )


def _problem(sentence: str) -> tuple[Any, ...]:
    return status_html(""), note_html(sentence, "problem"), "", "", "", [], "", None


def _conversation(before: list[Message], question: str, step: Step) -> list[Message]:
    return [*before, *_turn(question, step.text or "…")] if step.seen is not None else before


def _turn(question: str, answer: str) -> list[Message]:
    """A question and its answer; the chat takes what it shows for HTML."""
    said = {"user": question, "assistant": answer}
    return [{"role": role, "content": escape(text, quote=False)} for role, text in said.items()]
