"""What keeps a file from being read, each reason with its sentence."""

from pathlib import Path

import av
from av.error import FFmpegError
from refusal import RefusedError
from words import say


def check_length(path: str, longest: float, language: str) -> None:
    """Refuse a clip that is too long, before it is decoded.

    Args:
        path: An uploaded file.
        longest: Seconds.
        language: Of the sentence.

    Raises:
        RefusedError: If it is longer, or gone.
    """
    if not Path(path).is_file():
        raise RefusedError(say("gone", language))
    seconds = _stated_seconds(path)
    if seconds is not None and seconds > longest:
        raise RefusedError(say("too_long", language, seconds=round(seconds), longest=round(longest)))


def _stated_seconds(path: str) -> float | None:
    """Length as the file states it; None for a picture, a broken file, or a recording that does not say."""
    try:
        with av.open(path) as container:
            is_clip = any(stream.frames != 1 for stream in container.streams.video)
            return container.duration / av.time_base if is_clip and container.duration else None
    except (FFmpegError, OSError, ValueError):
        return None
