"""The page: what is on it, and what each button does."""

import json
from functools import partial
from typing import Any

import gradio as gr

import engine
from api import add_api
from handlers import ask_on_page, read_for_page
from picture_input import picture_input
from reading import BOTH, OFF, ON
from settings import HERE
from turns import Turns, take_turn, while_it_lasts
from verdict_view import status_html

EXAMPLES = HERE / "examples"
_CLIP, _PICTURE = "clip", "picture"
_BROWSER_LANGUAGE = "() => (navigator.language.startsWith('zh') ? 'zh' : 'en')"
_AT_ONCE = {"api_visibility": "private", "queue": False, "show_progress": "hidden", "trigger_mode": "multiple"}
_NOTHING = ["", "", "", "", "", [], ""]
"""What the page shows of a reading, its status first, while there is none."""
_NOTHING_READ = f"() => {json.dumps(_NOTHING)}"  # in the browser, at once: a reading may be asked for next


def build_page(text: gr.I18n) -> gr.Blocks:
    """Put the page together.

    Args:
        text: Turns a key into a text in the browser's language; see `page_texts`.

    Returns:
        The Blocks, with queue and deletion of uploads set, ready to launch.
    """
    settings = engine.SETTINGS
    with gr.Blocks(
        title="Emotion-Qwen",
        analytics_enabled=False,
        delete_cache=(settings.sweep_seconds, settings.retention_seconds),
    ) as page:
        gr.HTML(text("head"))
        remembered, shown = gr.State(None, time_to_live=settings.retention_seconds), gr.State(_CLIP)
        turns, turn = gr.State(Turns()), gr.Number(visible=False)  # a hidden number is sent as it was when asked
        with gr.Row():
            with gr.Column(scale=5, min_width=320):
                tabs, clip, picture = _inputs(shown, text)
                timeline = gr.HTML(elem_id="eq-timeline")
                examples = _example_buttons(text)
                options = _options(text)
                read = gr.Button(text("read"), variant="primary", size="lg", elem_id="eq-read")
            with gr.Column(scale=4, min_width=320):
                status = gr.HTML(status_html(""), elem_id="eq-status")
                notes = gr.HTML(text("nothing_yet"), elem_id="eq-notes")
                verdicts = gr.HTML(elem_id="eq-verdicts")
                chat = gr.Chatbot(
                    label=text("answer"),
                    show_label=False,
                    elem_id="eq-chat",
                    height=None,
                    max_height=420,
                    render_markdown=False,
                    buttons=["copy"],
                    feedback_options=None,
                )
                with gr.Row(elem_id="eq-asking"):
                    further = gr.Textbox(
                        label=text("further"),
                        value="",
                        placeholder=text("further_example"),
                        lines=1,
                        max_length=settings.max_question_characters,
                        scale=4,
                        elem_id="eq-further",
                    )
                    send = gr.Button(text("ask"), scale=1, min_width=80, elem_id="eq-ask")
        key_frames = gr.HTML(elem_id="eq-key-frames")
        download = gr.HTML(elem_id="eq-download")
        gr.HTML(text("foot"))

        limits = {"concurrency_limit": settings.requests_at_once, "concurrency_id": "requests"}
        reading = {
            "fn": _read_what_is_shown,
            "inputs": [turns, turn, shown, clip, picture, *options],
            "outputs": [status, notes, timeline, verdicts, key_frames, chat, download, remembered],
            "api_visibility": "private",
            "show_progress": "hidden",
            "trigger_mode": "multiple",  # the one under way ends by itself
            **limits,
        }
        next_turn = {"fn": take_turn, "inputs": turns, "outputs": turn, **_AT_ONCE}
        at_its_end = {"fn": _nothing_unless_read, "inputs": turns, "outputs": reading["outputs"][:-1], **_AT_ONCE}
        read.click(**next_turn).then(**reading).then(**at_its_end)
        for button, kind in examples:
            file = str(next(EXAMPLES.glob("*.mp4" if kind == _CLIP else "*.png")))
            button.click(
                lambda turns, kind=kind, file=file: (gr.Tabs(selected=kind), kind, file, take_turn(turns)),
                inputs=turns,
                outputs=[tabs, shown, clip if kind == _CLIP else picture, turn],
                **_AT_ONCE,
            ).then(**reading).then(**at_its_end)
        gr.on(
            [further.submit, send.click],
            _ask_about_what_is_there,
            [turns, turn, remembered, clip, picture, chat, further, *options[1:]],
            [status, chat, further],
            api_visibility="private",
            show_progress="hidden",
            **limits,
        )
        gr.on([clip.input, picture.input], None, outputs=at_its_end["outputs"], js=_NOTHING_READ)
        no_reading = next_turn | {"fn": partial(take_turn, reads=False)}
        gr.on([clip.input, picture.input], **no_reading).then(**at_its_end)  # a step may have come meanwhile
        page.load(None, None, options[1], js=_BROWSER_LANGUAGE)
        add_api()
    return page.queue(max_size=settings.queue_length, api_open=True)


def _inputs(shown: gr.State, text: gr.I18n) -> tuple[gr.Tabs, gr.Video, gr.Image]:
    with gr.Tabs(elem_id="eq-inputs") as tabs:
        with gr.Tab(text("clip"), id=_CLIP) as clip_tab:
            clip = gr.Video(
                label=text("clip_limits"),
                sources=["upload", "webcam"],
                elem_id="eq-clip",
                buttons=[],
            )
        with gr.Tab(text("picture"), id=_PICTURE) as picture_tab:
            picture = picture_input(
                label=text("picture"),
                sources=["upload", "webcam"],
                type="filepath",
                elem_id="eq-picture",
                buttons=[],
            )
    clip_tab.select(lambda: _CLIP, None, shown, api_visibility="private", queue=False)
    picture_tab.select(lambda: _PICTURE, None, shown, api_visibility="private", queue=False)
    return tabs, clip, picture


def _example_buttons(text: gr.I18n) -> list[tuple[gr.Button, str]]:
    if not EXAMPLES.is_dir():
        return []
    with gr.Row(elem_id="eq-examples"):
        return [
            (gr.Button(text("example_clip"), size="md", elem_id="eq-example-clip"), _CLIP),
            (gr.Button(text("example_picture"), size="md", elem_id="eq-example-picture"), _PICTURE),
        ]


def _options(text: gr.I18n) -> list[Any]:
    """Question, language, Facial Emotion Capture and adapter."""
    names = {"auto": text("automatic"), "base": text("no_adapter")}
    adapters = [(names.get(name, name), name) for name in engine.adapter_names()]
    with gr.Row(elem_id="eq-options"):
        language = gr.Radio([("English", "en"), ("中文", "zh")], value="en", label=text("language"))
        capture = gr.Radio(
            [(text("on"), ON), (text("off"), OFF), (text("both"), BOTH)], value=ON, label=text("capture")
        )
    with gr.Accordion(text("more"), open=False):
        question = gr.Textbox(
            label=text("question"),
            value="",
            placeholder=text("usual_question"),
            max_length=engine.SETTINGS.max_question_characters,
        )
        some = len(adapters) > len(names)
        adapter = gr.Dropdown(adapters, value=adapters[0][1], label=text("adapter"), interactive=some)
    return [question, language, capture, adapter]


def _read_what_is_shown(
    turns: Turns, turn: int | None, shown: str, clip: str | None, picture: str | None, *options: str
) -> Any:
    yield from while_it_lasts(turns, turn, read_for_page(clip if shown == _CLIP else picture, *options))


def _nothing_unless_read(turns: Turns) -> list[Any]:
    """Clear the page, unless what its latest turn reads is shown there: a stopped reading's last step comes late."""
    return [gr.skip()] * len(_NOTHING) if turns.reads else _NOTHING


def _ask_about_what_is_there(
    turns: Turns,
    turn: int | None,
    remembered: dict[str, Any] | None,
    clip: str | None,
    picture: str | None,
    *rest: Any,
) -> Any:
    is_there = remembered is not None and remembered["path"] in (clip, picture)
    yield from while_it_lasts(turns, turn, ask_on_page(remembered if is_there else None, *rest))


def example_folders() -> list[str]:
    """Folders that the example buttons take files from, links followed."""
    return sorted({str(file.resolve().parent) for file in EXAMPLES.glob("*")} | {str(EXAMPLES)})
