"""Decoding the pictures and clips of a sample with the processor's own readers, in a data-loader worker."""

import io
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import PIL.Image

from emotion_qwen.processing import EmotionQwenProcessor, FaceCapture, MediaError

from .entries import Part, SampleError, media_parts, medium_of
from .source import Sample

_LONGEST = 200
"""How many times its breadth a picture may be long; the processors refuse more, in the middle of a batch."""


class SampleDecoder:
    """Replaces paths, addresses and bytes in a sample by pixels.

    What is broken is found here, sample by sample, before a batch is made. A clip keeps its metadata beside it, so
    that its tokens get the clip's own times.

    Args:
        processor: Its image and video processor read and sample as in a call.
    """

    def __init__(self, processor: EmotionQwenProcessor) -> None:
        self.processor = processor
        tokenizer = processor.tokenizer
        self.marks = {processor.image_token, processor.video_token, *tokenizer.all_special_tokens}
        """What marks up a conversation, and may not be in what is said."""

    def __call__(self, sample: Sample) -> Sample:
        """Decode the media of a sample.

        Args:
            sample: `messages`, whose contents are lists of parts (a clip given as frames may have `fps`, their rate),
                and maybe `face_captures`.

        Returns:
            A copy in which pictures are uint8 (3, H, W) and clips uint8 (T, 3, H, W), with `video_metadata`.

        Raises:
            MediaError: If one can't be read.
            SampleError: If a text holds what marks up a conversation, or the faces were captured in other frames.
        """
        messages = [
            {**message, "content": [self._part(part) for part in message["content"]]} for message in sample["messages"]
        ]
        if sample.get("face_captures"):
            _check_captures(list(media_parts(messages)), sample["face_captures"])
        return {**sample, "messages": messages}

    def _part(self, part: Part) -> Part:
        if part["type"] == "image":
            return {"type": "image", "image": self._picture(medium_of(part))}
        if part["type"] == "video":
            frames, metadata = self._clip(medium_of(part), part.get("fps"))
            return {"type": "video", "video": frames, "video_metadata": metadata}
        for mark in self.marks:
            if mark in part.get("text", ""):
                raise SampleError(f"A text holds {mark}, which marks up the conversation: {part['text'][:80]!r}.")
        return part

    def _picture(self, source: Any) -> Any:
        with _named("picture"):
            picture = self.processor.image_processor.decode(_opened(source))
        _check_shape(source, picture)
        return picture

    def _clip(self, source: Any, fps: float | None) -> tuple[Any, Any]:
        with _named("clip"):
            frames, metadata = self._decode_clip(source, fps)
        _check_shape(source, frames)
        return frames, metadata

    def _decode_clip(self, source: Any, fps: float | None) -> tuple[Any, Any]:
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


@contextmanager
def _named(what: str) -> Iterator[None]:
    """Turn whatever a reader says of things that are no media at all into a `MediaError`."""
    try:
        yield
    except MediaError:
        raise
    except (ValueError, TypeError) as error:
        raise MediaError(f"A {what} can't be read: {error}") from error


def _opened(source: Any) -> Any:
    """A picture stored as bytes, as PIL reads it; anything else passes."""
    if not isinstance(source, Mapping):
        return source
    try:
        picture = PIL.Image.open(io.BytesIO(source["bytes"]))
        picture.load()
    except (OSError, SyntaxError, ValueError, PIL.Image.DecompressionBombError) as error:
        raise MediaError(f"The picture {_name_of(source)} can't be read: {error}.") from error
    return picture


def _check_shape(source: Any, frames: Any) -> None:
    height, width = frames.shape[-2:]
    if max(height, width) > _LONGEST * min(height, width):
        raise MediaError(
            f"A picture or clip, {_name_of(source)}, is {width}×{height}, more than {_LONGEST} times as long as broad."
        )


def _name_of(source: Any) -> str:
    path = source.get("path") if isinstance(source, Mapping) else source
    return repr(path) if isinstance(path, str) else "in a table"


def _check_captures(media: list[Part], captures: Any) -> None:
    """Make sure that stored faces are of these pictures and clips: in a batch it could not be told whose they are."""
    if not isinstance(captures, list | tuple):
        raise SampleError(f"Face captures are a list, one for each picture and clip, not {captures!r:.80}.")
    if len(captures) != len(media):
        raise SampleError(f"There are {len(captures)} face captures for {len(media)} pictures and clips.")
    for part, stored in zip(media, captures, strict=True):
        if stored is None:
            continue
        try:
            capture = stored if isinstance(stored, FaceCapture) else FaceCapture.from_dict(stored)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise SampleError(f"A face capture can't be read: {error}") from error
        frames = part[part["type"]]
        shape = (1 if part["type"] == "image" else len(frames), *frames.shape[-2:])
        if (capture.num_frames, *capture.frame_size) != shape:
            raise SampleError(
                f"Faces were captured in {capture.num_frames} frames of {capture.frame_size[1]}×"
                f"{capture.frame_size[0]}, but there are {shape[0]} of {shape[2]}×{shape[1]}."
            )
