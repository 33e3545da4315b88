"""From an uploaded file to the faces in it, and from there to the model's answer, a piece at a time."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hub_model import from_model_code, load_analyzer
from media_limits import check_file, check_seconds
from refusal import RefusedError
from settings import Settings
from streaming import pieces_of
from words import say
from zero_gpu import on_gpu

SETTINGS = Settings.from_environment()

# One answer at a time: the model keeps positions between its steps, and memory stays that of one request.
_MODEL_LOCK = threading.Lock()


@dataclass(frozen=True)
class Seen:
    """An opened file and the faces in it.

    Attributes:
        media: The analyzer's `DecodedMedia`.
        capture: The analyzer's `FaceCapture`.
    """

    media: Any
    capture: Any


@dataclass(frozen=True)
class Request:
    """What is asked about a file.

    Attributes:
        question: The question; None for the analyzer's own question for a reasoned emotion.
        language: `"en"` or `"zh"`.
        facial_emotion_capture: Whether the model is shown the masked key frames.
        adapter: An adapter's name, `"auto"` or `"base"`.
    """

    question: str | None
    language: str
    facial_emotion_capture: bool
    adapter: str


def analyzer() -> Any:
    """The analyzer, loaded by the first call."""
    return load_analyzer(SETTINGS.model_id, SETTINGS.adapters, SETTINGS.max_decoded_megabytes)


def adapter_names() -> tuple[str, ...]:
    """What can be chosen as an adapter: what the question calls for, the model alone, or one by its name."""
    return ("auto", "base", *analyzer().adapters.names)


def label_name(label: str, language: str) -> str:
    """Name of an emotion in a language, as the model says it."""
    return from_model_code("prompts.label_name", SETTINGS.model_id)(label, language)


def usual_question(language: str) -> str:
    """The question for a reasoned emotion."""
    return from_model_code("prompts.reasoning_question", SETTINGS.model_id)(language)


def open_media(path: str, language: str) -> Any:
    """Decode an uploaded file.

    Args:
        path: The file.
        language: Of the sentences.

    Returns:
        The analyzer's `DecodedMedia`.

    Raises:
        RefusedError: If it is gone, too long or too large, or no clip and no picture.
    """
    check_file(path, SETTINGS, language)
    try:
        media = analyzer().load(path)
    except ValueError as error:
        raise RefusedError(say("unreadable", language)) from error
    check_seconds(media.timestamps[-1], SETTINGS, language)  # a recording need not state its length
    return media


def find_faces(media: Any) -> Seen:
    """Find and follow the faces of opened media, on the CPU, while the model may be busy with someone else."""
    return Seen(media, analyzer().capture_faces(media))


def model_is_busy() -> bool:
    """Whether someone else's request is with the model now."""
    return _MODEL_LOCK.locked()


@on_gpu(SETTINGS.gpu_seconds)
def answer(seen: Seen, request: Request) -> Iterator[Any]:
    """Ask the model, and hand on its answer as it comes.

    Args:
        seen: The opened file and its faces.
        request: What is asked.

    Yields:
        The analyzer's `EmotionAnalysis` with no text yet; pieces of the answer as strings; the whole analysis.

    Raises:
        ValueError: If the question holds a mark of the conversation, or the adapter is unknown.
    """

    def work(emit) -> Any:
        with _MODEL_LOCK:
            return analyzer().analyze(
                seen.media,
                request.question,
                request.language,
                facial_emotion_capture=request.facial_emotion_capture,
                face_capture=seen.capture if request.facial_emotion_capture else None,
                adapter=request.adapter,
                max_new_tokens=SETTINGS.max_new_tokens,
                on_text=emit,
                on_reading=emit,
            )

    yield from pieces_of(work, SETTINGS.patience_seconds)
