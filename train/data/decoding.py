"""Decoding the pictures and clips of a conversation with the processor's own readers, in a data-loader worker."""

import io
import tempfile
from collections.abc import Mapping
from typing import Any

import PIL.Image

from emotion_qwen.processing import EmotionQwenProcessor, MediaError

from .entries import Message, Part


class MediaDecoder:
    """Replaces paths, addresses and bytes in messages by pixels.

    What is broken is found here, sample by sample, before a batch is made. A clip keeps its metadata beside it, so
    that its tokens get the clip's own times.

    Args:
        processor: Its image and video processor read and sample as in a call.
    """

    def __init__(self, processor: EmotionQwenProcessor) -> None:
        self.processor = processor

    def __call__(self, messages: list[Message]) -> list[Message]:
        """Decode the media of a conversation.

        Args:
            messages: Contents are lists of parts. A clip given as frames may have `fps`, their rate.

        Returns:
            Copies in which pictures are uint8 (3, H, W) and clips uint8 (T, 3, H, W), with `video_metadata`.

        Raises:
            MediaError: If one can't be read.
        """
        return [{**message, "content": [self._part(part) for part in message["content"]]} for message in messages]

    def _part(self, part: Part) -> Part:
        if part["type"] == "image":
            picture = self.processor.image_processor.decode(_opened(_source(part)))
            return {"type": "image", "image": picture}
        if part["type"] == "video":
            frames, metadata = self._clip(_source(part), part.get("fps"))
            return {"type": "video", "video": frames, "video_metadata": metadata}
        return part

    def _clip(self, source: Any, fps: float | None) -> tuple[Any, Any]:
        decode = self.processor.video_processor.decode
        if isinstance(source, Mapping):
            with tempfile.NamedTemporaryFile() as file:
                file.write(source["bytes"])
                file.flush()
                return decode(file.name)
        if isinstance(source, list):
            source = [_opened(frame) for frame in source]
            if fps is not None:
                return decode(source, video_metadata={"fps": fps, "total_num_frames": len(source)})
        return decode(source)


def _source(part: Part) -> Any:
    for key in (part["type"], "url", "path"):
        if part.get(key) is not None:
            return part[key]
    raise MediaError(f"A part of the kind {part['type']} does not say which.")


def _opened(source: Any) -> Any:
    """A picture stored as bytes, as PIL reads it; anything else passes."""
    if not isinstance(source, Mapping):
        return source
    try:
        picture = PIL.Image.open(io.BytesIO(source["bytes"]))
        picture.load()
    except (OSError, SyntaxError, ValueError, PIL.Image.DecompressionBombError) as error:
        raise MediaError(f"The picture {source.get('path') or 'in the table'!r} can't be read: {error}.") from error
    return picture
