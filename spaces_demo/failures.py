"""Whatever goes wrong with a request ends in a sentence, and the page lives on."""

import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from memory_arenas import give_back_freed_memory
from refusal import RefusedError
from request_counts import RequestCounts
from words import say

COUNTS = RequestCounts()
"""Requests of this process by how they ended."""

_SENTENCES = {
    "AdapterError": "no_adapter",
    "QuestionError": "bad_question",
    "Empty": "busy",  # nothing came for as long as a request is patient
    "Error": "no_accelerator",  # ZeroGPU refuses with Gradio's error
    "HTMLError": "no_accelerator",
}


def ending_in_a_sentence(
    kind: str, language: str, steps: Iterator[Any], on_failure: Callable[[str], Any]
) -> Iterator[Any]:
    """Pass steps on; where one fails, end with what `on_failure` makes of the sentence that says so.

    However a request ends, what it freed is given back.

    Args:
        kind: Of request, for the counts.
        language: Of the sentence.
        steps: What is done for the request.
        on_failure: Takes the sentence.

    Yields:
        The steps, and after a failure what `on_failure` returned.
    """
    try:
        yield from steps
    except RefusedError as error:
        COUNTS.add(f"{kind} refused")
        yield on_failure(str(error))
    except Exception as error:
        COUNTS.add(f"{kind} failed: {type(error).__name__} at {_place(error)}")
        yield on_failure(say(_SENTENCES.get(_class_name(error), "failed"), language))
    else:
        COUNTS.add(f"{kind} done")
    finally:
        give_back_freed_memory()


def _class_name(error: Exception) -> str:
    """What an error is known by: the classes of the model's own code are loaded with the model.

    ZeroGPU runs the model in a process of its own, and hands on the name of what was raised there.
    """
    was_raised_there = isinstance(error, gr.Error) and error.title == "ZeroGPU worker error"
    return error.message if was_raised_there else type(error).__name__


def _place(error: Exception) -> str:
    """Where in the code it happened: enough to mend it, nothing about the request."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(last.filename).name}:{last.lineno}"
