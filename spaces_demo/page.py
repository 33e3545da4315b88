"""The page: what is on it, and what each button does."""

from pathlib import Path
from typing import Any

import engine
import gradio as gr
from api import add_api
from handlers import ask_on_page, read_for_page
from page_texts import EMPTY, FOOT, INTRO, NOTICE, terms
from picture_input import picture_input
from reading import BOTH, OFF, ON
from settings import HERE
from verdict_view import status_html

EXAMPLES = HERE / "examples"
_CLIP, _PICTURE = "clip", "picture"


def build_page() -> gr.Blocks:
    """Put the page together.

    Returns:
        The Blocks, with queue and deletion of uploads set, ready to launch.
    """
    settings = engine.SETTINGS
    with gr.Blocks(
        title="Emotion-Qwen: what a face shows, when, and why",
        analytics_enabled=False,
        delete_cache=(settings.sweep_seconds, settings.retention_seconds),
    ) as page:
        gr.HTML(INTRO + NOTICE)
        remembered, shown = gr.State(None, time_to_live=settings.retention_seconds), gr.State(_CLIP)
        with gr.Row(elem_id="eq-columns"):
            with gr.Column(scale=5, min_width=320):
                tabs, clip, picture = _inputs(shown)
                timeline = gr.HTML(elem_id="eq-timeline")
                examples = _example_buttons()
                options = _options()
                read = gr.Button("Read the emotion", variant="primary", size="lg", elem_id="eq-read")
            with gr.Column(scale=4, min_width=320):
                status = gr.HTML(status_html(""), elem_id="eq-status")
                notes = gr.HTML(EMPTY, elem_id="eq-notes")
                verdicts = gr.HTML(elem_id="eq-verdicts")
                chat = gr.Chatbot(
                    label="Answer",
                    show_label=False,
                    elem_id="eq-chat",
                    height=260,
                    render_markdown=False,
                    buttons=["copy"],
                    feedback_options=None,
                )
                with gr.Row(elem_id="eq-asking"):
                    further = gr.Textbox(
                        label="Ask further about the same clip",
                        value="",
                        placeholder="What do the brows do?",
                        lines=1,
                        max_length=500,
                        scale=4,
                        elem_id="eq-further",
                    )
                    send = gr.Button("Ask", scale=1, min_width=80, elem_id="eq-ask")
        key_frames = gr.HTML(elem_id="eq-key-frames")
        download = gr.HTML(elem_id="eq-download")
        gr.HTML(terms(settings.retention_seconds + settings.sweep_seconds) + FOOT)

        limits = {"concurrency_limit": settings.requests_at_once, "concurrency_id": "requests"}
        reading = {
            "fn": _read_what_is_shown,
            "inputs": [shown, clip, picture, *options],
            "outputs": [status, notes, timeline, verdicts, key_frames, chat, download, remembered],
            "api_visibility": "private",
            "show_progress": "hidden",
            **limits,
        }
        read.click(**reading)
        for button, kind in examples:
            file = str(next(EXAMPLES.glob("*.mp4" if kind == _CLIP else "*.png")))
            button.click(
                lambda kind=kind, file=file: (gr.Tabs(selected=kind), kind, file),
                outputs=[tabs, shown, clip if kind == _CLIP else picture],
                api_visibility="private",
                queue=False,
            ).then(**reading)
        gr.on(
            [further.submit, send.click],
            ask_on_page,
            [remembered, chat, further, *options[1:]],
            [status, chat, further],
            api_visibility="private",
            show_progress="hidden",
            **limits,
        )
        add_api()
    return page.queue(max_size=settings.queue_length, api_open=True)


def _inputs(shown: gr.State) -> tuple[gr.Tabs, gr.Video, gr.Image]:
    longest = round(engine.SETTINGS.max_clip_seconds)
    with gr.Tabs(elem_id="eq-inputs") as tabs:
        with gr.Tab("Clip", id=_CLIP) as clip_tab:
            clip = gr.Video(
                label=f"Clip, up to {longest} s and {engine.SETTINGS.max_file_megabytes} MB",
                sources=["upload", "webcam"],
                elem_id="eq-clip",
                buttons=[],
            )
        with gr.Tab("Picture", id=_PICTURE) as picture_tab:
            picture = picture_input(
                label="Picture",
                sources=["upload", "webcam"],
                type="filepath",
                elem_id="eq-picture",
                buttons=[],
            )
    clip_tab.select(lambda: _CLIP, None, shown, api_visibility="private", queue=False)
    picture_tab.select(lambda: _PICTURE, None, shown, api_visibility="private", queue=False)
    return tabs, clip, picture


def _example_buttons() -> list[tuple[gr.Button, str]]:
    if not EXAMPLES.is_dir():
        return []
    with gr.Row(elem_id="eq-examples"):
        return [
            (gr.Button("Try the example clip", size="sm", elem_id="eq-example-clip"), _CLIP),
            (gr.Button("Try the example picture", size="sm", elem_id="eq-example-picture"), _PICTURE),
        ]


def _options() -> list[Any]:
    """Question, language, Facial Emotion Capture and adapter."""
    adapters = [(_ADAPTER_NAMES.get(name, name), name) for name in engine.adapter_names()]
    with gr.Row(elem_id="eq-options"):
        language = gr.Radio([("English", "en"), ("中文", "zh")], value="en", label="Language of the answer")
        capture = gr.Radio(
            [("On", ON), ("Off", OFF), ("Side by side", BOTH)], value=ON, label="Facial Emotion Capture"
        )
    with gr.Accordion("More", open=False):
        question = gr.Textbox(
            label="Question",
            value="",
            placeholder="Left empty: what does the face show, and which emotion is it?",
            max_length=500,
        )
        adapter = gr.Dropdown(adapters, value=adapters[0][1], label="Adapter", interactive=len(adapters) > 1)
    return [question, language, capture, adapter]


_ADAPTER_NAMES = {"base": "None: the model itself", "auto": "Automatic: what the question calls for"}


def _read_what_is_shown(shown: str, clip: str | None, picture: str | None, *options: str) -> Any:
    yield from read_for_page(clip if shown == _CLIP else picture, *options)


def example_folders() -> list[str]:
    """Folders that the example buttons take files from, links followed."""
    return sorted({str(file.resolve().parent) for file in EXAMPLES.glob("*")} | {str(Path(EXAMPLES))})
