"""Capturing one picture or clip: its faces as one row. Runs, `datasets.map` and Ray Data all call this."""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch

from ..face_capture import FaceCapture
from ..image_loading import is_still_file
from ..image_processing_emotion_qwen import EmotionQwenImageProcessor
from ..media_kind import MediaKind
from ..video_decoding import MediaError
from ..video_processing_emotion_qwen import EmotionQwenVideoProcessor
from .capture_recipe import CaptureRecipe
from .content_hash import content_hash

Media = str | os.PathLike[str] | bytes | Mapping[str, Any]
"""A path, the bytes of a file, or a record `{"bytes": …, "path": …}` as `datasets` stores pictures and clips."""


class CaptureRow(NamedTuple):
    """Stored faces of one picture or clip.

    Attributes:
        content: SHA-256 of the file's bytes, 64 hex digits.
        kind: "image" or "video".
        source: Where the media came from, for people.
        capture: `FaceCapture.to_dict()` as JSON, which keeps every number exactly.
    """

    content: str
    kind: MediaKind
    source: str
    capture: str

    def face_capture(self) -> FaceCapture:
        """Return the faces as the processor takes them."""
        return FaceCapture.from_dict(json.loads(self.capture))


class MediaCapturer:
    """Captures the faces of files, decoded and sampled exactly as the processors do it in a call.

    It holds the two processors only, so it can be pickled and sent to another process.

    Args:
        image_processor: For stills; from the checkpoint that is to use the results.
        video_processor: For everything that moves.
    """

    def __init__(self, image_processor: EmotionQwenImageProcessor, video_processor: EmotionQwenVideoProcessor) -> None:
        self.image_processor = image_processor
        self.video_processor = video_processor

    def recipes(self) -> dict[MediaKind, CaptureRecipe]:
        """Return how stills and clips are captured."""
        return {"image": CaptureRecipe.of(self.image_processor), "video": CaptureRecipe.of(self.video_processor)}

    def check(self) -> None:
        """Capture one blank frame, so that missing weights or packages are reported before any work.

        Raises:
            Exception: Whatever the backend raises.
        """
        blank = torch.zeros(1, 3, 64, 64, dtype=torch.uint8)
        for processor in (self.image_processor, self.video_processor):
            processor.face_capturer().capture(blank)

    def __call__(self, media: Media, source: str | None = None) -> CaptureRow:
        """Capture the faces of one picture or clip.

        Args:
            media: See `Media`.
            source: Its name in the row and in errors; its path by default.

        Raises:
            MediaError: If it can't be read.
        """
        media, path = _file_or_bytes(media)
        source = source or path or "bytes"
        content = content_hash(media)
        if not isinstance(media, bytes):
            kind, capture = self._capture(Path(media))
            return _row(content, kind, source, capture)
        # Decoders read files, so bytes become a temporary one. Its suffix tells a decoder its format.
        with tempfile.NamedTemporaryFile(suffix=Path(path or "").suffix) as file:
            file.write(media)
            file.flush()
            try:
                kind, capture = self._capture(Path(file.name))
            except MediaError as error:
                raise MediaError(str(error).replace(file.name, source)) from error
        return _row(content, kind, source, capture)

    def _capture(self, path: Path) -> tuple[MediaKind, FaceCapture]:
        if is_still_file(path):
            return "image", self.image_processor.capture_faces(path)
        return "video", self.video_processor.capture_faces(*self.video_processor.decode(path))


def file_content(media: Media) -> str | bytes:
    """Return the path or the bytes of media in any of its forms.

    Raises:
        MediaError: If a record holds neither.
    """
    return _file_or_bytes(media)[0]


def _file_or_bytes(media: Media) -> tuple[str | bytes, str | None]:
    """Return what to read, and the path as far as one is known."""
    if isinstance(media, Mapping):
        path = media.get("path")
        if media.get("bytes") is not None:
            return bytes(media["bytes"]), path
        media = path
    if isinstance(media, bytes | bytearray | memoryview):
        return bytes(media), None
    if isinstance(media, str | os.PathLike):
        path = os.fspath(media).removeprefix("file://")
        return path, path
    raise MediaError(f"A picture or clip must be a path or bytes, not {type(media).__name__}.")


def _row(content: str, kind: MediaKind, source: str, capture: FaceCapture) -> CaptureRow:
    return CaptureRow(content, kind, source, json.dumps(capture.to_dict(), separators=(",", ":")))
