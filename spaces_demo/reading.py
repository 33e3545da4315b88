"""One reading of a file, step by step: faces, answer, verdict."""

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any

import engine
from engine import Request, Seen
from refusal import RefusedError
from words import say

ON, OFF, BOTH = "on", "off", "both"
"""Whether Facial Emotion Capture is on, off, or both are compared."""


@dataclass(frozen=True)
class Step:
    """What is known so far.

    Attributes:
        stage: What goes on now: a key of `words`.
        sentence: The same for a person.
        seen: The opened file and its faces, once there.
        text: The answer so far.
        analyses: Finished analyses: the one that `text` belongs to first, then the one compared with it.
        is_partial: Whether more steps follow.
    """

    stage: str
    sentence: str
    seen: Seen | None = None
    text: str = ""
    analyses: tuple[Any, ...] = ()
    is_partial: bool = True


def read(path: str | None, capture: str, request: Request) -> Iterator[Step]:
    """Read a file.

    Args:
        path: The uploaded file.
        capture: `ON`, `OFF` or `BOTH`.
        request: What is asked; its `facial_emotion_capture` follows from `capture`.

    Yields:
        Steps; the last one has the stage `"done"`.

    Raises:
        RefusedError: If there is no file, it can't be read, or the question is too long.
        ValueError: If the question or the adapter can't be used.
    """
    language, start = request.language, time.monotonic()
    request = _trimmed(request)
    if not path:
        raise RefusedError(say("no_media", language))
    step = Step("decode", say("decode", language))
    yield step
    media = engine.open_media(path, language)
    step = Step("faces", say("faces", language))
    yield step
    step = replace(step, seen=engine.find_faces(media))
    step = yield from _answered(step, replace(request, facial_emotion_capture=capture != OFF))
    if capture == BOTH:
        *_, other = engine.answer(step.seen, replace(request, facial_emotion_capture=False))
        step = replace(step, analyses=(*step.analyses, other))
    yield _done(step, language, start)


def ask(path: str | None, faces: Any, request: Request) -> Iterator[Step]:
    """Ask further about a file that was read.

    Args:
        path: The uploaded file.
        faces: The faces that `read` found in it; looked for again where None.
        request: What is asked.

    Yields:
        Steps, as `read` does.

    Raises:
        RefusedError: If there is no file or no question, the file can't be read, or the question is too long.
        ValueError: If the question or the adapter can't be used.
    """
    language, start = request.language, time.monotonic()
    if not path:
        raise RefusedError(say("nothing_read", language))
    request = _trimmed(request)
    if request.question is None:
        raise RefusedError(say("no_question", language))
    media = engine.open_media(path, language)
    seen = engine.find_faces(media) if faces is None else Seen(media, faces)
    step = yield from _answered(Step("faces", "", seen=seen), request)
    yield _done(step, language, start)


def _trimmed(request: Request) -> Request:
    """The request with no blanks around its question, and None for an empty one; far too long ones are refused."""
    question, longest = (request.question or "").strip(), engine.SETTINGS.max_question_characters
    if len(question) > longest:
        raise RefusedError(say("long_question", request.language, longest=longest))
    return replace(request, question=question or None)


def _answered(step: Step, request: Request) -> Generator[Step, None, Step]:
    """Yield the growing answer; return the step that holds all of it and its analysis."""
    stage = "waiting" if engine.model_is_busy() else "reading"
    step = replace(step, stage=stage, sentence=say(stage, request.language))
    yield step
    for piece in engine.answer(step.seen, request):
        if isinstance(piece, str):
            step = replace(
                step, stage="answering", sentence=say("answering", request.language), text=step.text + piece
            )
        else:
            step = replace(step, text=piece.text, analyses=(piece,))  # once before the answer, once after it
        yield step
    return step


def _done(step: Step, language: str, start: float) -> Step:
    sentence = say("done", language, seconds=time.monotonic() - start)
    return replace(step, stage="done", sentence=sentence, is_partial=False)
