"""Whatever goes wrong with a request ends in a sentence, and the page lives on."""

import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from refusal import RefusedError
from request_counts import RequestCounts
from words import say

COUNTS = RequestCounts()
"""Requests of this process by how they ended."""

_SENTENCES = {"AdapterError": "no_adapter", "QuestionError": "bad_question"}


def ending_in_a_sentence(
    kind: str, language: str, steps: Iterator[Any], on_failure: Callable[[str], Any]
) -> Iterator[Any]:
    """Pass steps on; where one fails, end with what `on_failure` makes of the sentence that says so.

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
        # Errors of the model's own code are known by name: its classes are loaded with the model.
        yield on_failure(say(_SENTENCES.get(type(error).__name__, "failed"), language))
    else:
        COUNTS.add(f"{kind} done")


def _place(error: Exception) -> str:
    """Where in the code it happened: enough to mend it, nothing about the request."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(last.filename).name}:{last.lineno}"
