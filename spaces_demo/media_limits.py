"""What keeps a file from being read, each reason with its sentence."""

import math
from pathlib import Path

import av
import PIL.Image
from av.error import FFmpegError

from refusal import RefusedError
from settings import Settings
from words import say


def check_file(path: str, limits: Settings, language: str) -> None:
    """Refuse a clip that is too long or a picture that is too large, before it is decoded.

    Args:
        path: An uploaded file.
        limits: How long and how large it may be.
        language: Of the sentence.

    Raises:
        RefusedError: If it is longer or larger, or gone.
    """
    if not Path(path).is_file():
        raise RefusedError(say("gone", language))
    if _megapixels(path) > limits.max_megapixels:
        raise RefusedError(say("too_large", language, most=limits.max_megapixels))
    check_seconds(_stated_seconds(path) or 0, limits, language)


def check_seconds(seconds: float, limits: Settings, language: str) -> None:
    """Refuse a clip that is too long.

    Args:
        seconds: Its length.
        limits: How long it may be.
        language: Of the sentence.

    Raises:
        RefusedError: If it is longer.
    """
    if seconds > limits.max_clip_seconds:
        longest = round(limits.max_clip_seconds)
        raise RefusedError(say("too_long", language, seconds=round(seconds), longest=longest))


def _megapixels(path: str) -> float:
    """Size of a picture as the file states it; 0 for whatever is no picture."""
    try:
        with PIL.Image.open(path) as picture:
            return picture.width * picture.height / 1e6
    except PIL.Image.DecompressionBombError:
        return math.inf
    except (OSError, SyntaxError, ValueError):
        return 0


def _stated_seconds(path: str) -> float | None:
    """Length as the file states it; None for a picture, a broken file, or a recording that does not say."""
    try:
        with av.open(path) as container:
            is_clip = any(stream.frames != 1 for stream in container.streams.video)
            return container.duration / av.time_base if is_clip and container.duration else None
    except (FFmpegError, OSError, ValueError):
        return None
