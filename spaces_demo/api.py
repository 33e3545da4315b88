"""The actions as an API: `gradio_client` and MCP call these, with files in and JSON out."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

import engine
from engine import Request
from failures import ending_in_a_sentence
from reading import BOTH, OFF, ON, Step, ask, read
from result_file import result_dict
from words import LANGUAGES


def analyze(file: str, question: str = "", language: str = "en", capture: str = ON, adapter: str = "auto") -> dict:
    """Read the apparent emotion in a video clip or a picture, with the evidence for it.

    Args:
        file: A video clip or a picture.
        question: What to ask; empty for which emotion it is and why.
        language: Language of the answer: "en" or "zh".
        capture: Facial Emotion Capture: "on", "off", or "both" to compare.
        adapter: "auto" (what the question calls for), "base" (the model alone), or the name of an adapter.

    Returns:
        Label, probabilities, text, key frames, gate, timeline, faces, and the notice that comes with them.
    """
    request = _request(question, language, adapter)
    step = _last("analyze", language, read(file, _one_of(capture, (ON, OFF, BOTH)), request))
    return result_dict(step.seen, list(step.analyses), engine.SETTINGS.model_name)


def ask_about(file: str, question: str, language: str = "en", capture: str = ON, adapter: str = "auto") -> str:
    """Ask any question about a video clip or a picture.

    Args:
        file: A video clip or a picture.
        question: The question.
        language: Language of the sentences around it: "en" or "zh".
        capture: Facial Emotion Capture: "on" or "off".
        adapter: "auto" (what the question calls for), "base" (the model alone), or the name of an adapter.

    Returns:
        The model's answer.
    """
    request = _request(question, language, adapter, _one_of(capture, (ON, OFF)) == ON)
    return _last("ask", language, ask(file, None, request)).text


def about() -> dict[str, Any]:
    """Tell what answers here, and within which limits.

    Returns:
        The model's name, its adapters, languages, limits, and the terms of use.
    """
    settings = engine.SETTINGS
    return {
        "model": settings.model_name,
        "adapters": list(engine.adapter_names()),
        "languages": list(LANGUAGES),
        "max_clip_seconds": settings.max_clip_seconds,
        "max_file_megabytes": settings.max_file_megabytes,
        "uploads_deleted_after_seconds": settings.retention_seconds,
        "notice": "An emotion-recognition system. Apparent expression is not felt emotion; not for work or school.",
    }


def add_api() -> None:
    """Make the actions endpoints of the Blocks that are being built."""
    with gr.Group(visible=False):
        file = gr.File(label="file", type="filepath")
        question = gr.Textbox(label="question", value="")
        language = gr.Textbox(label="language", value="en")
        capture = gr.Textbox(label="capture", value=ON)
        adapter = gr.Textbox(label="adapter", value="auto")
        inputs = [file, question, language, capture, adapter]
        result, answer, facts = gr.JSON(label="result"), gr.Textbox(label="answer"), gr.JSON(label="about")
        limits = {"concurrency_limit": engine.SETTINGS.requests_at_once, "concurrency_id": "requests"}
        gr.Button().click(analyze, inputs, result, api_name="analyze", **limits)
        gr.Button().click(ask_about, inputs, answer, api_name="ask", **limits)
        gr.Button().click(about, None, facts, api_name="about", queue=False)


def _request(question: str, language: str, adapter: str, capture: bool = True) -> Request:
    return Request(question, _one_of(language, LANGUAGES), capture, _one_of(adapter, engine.adapter_names()))


def _one_of(value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise gr.Error(f"{value!r} is not one of {', '.join(known)}.", print_exception=False)
    return value


def _last(kind: str, language: str, steps: Iterator[Step]) -> Step:
    """The last step of a request; a sentence as an error where it failed."""
    *_, last = ending_in_a_sentence(kind, language, steps, lambda sentence: gr.Error(sentence, print_exception=False))
    if isinstance(last, gr.Error):
        raise last
    return last
