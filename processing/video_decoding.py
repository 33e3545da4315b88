"""Decoding of clips with PyAV: by time stamp, upright, in bounded memory."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import av
import numpy as np
from av.error import FFmpegError
from av.stream import Disposition
from huggingface_hub.utils import httpx
from torch import Tensor
from transformers.video_utils import VideoMetadata

from .frame_buffer import FrameBuffer

SampleIndices = Callable[[VideoMetadata], Sequence[int]]

FALLBACK_FPS = 25.0
"""Frame rate of a stream that states none and whose frames carry no times."""

_LONGEST_SHOWN_NAME = 200
"""Longest name, in characters, that an error shows whole; a longer one is probably data passed as a name."""


class MediaError(ValueError):
    """A picture or clip that can't be read; the message is one sentence for a person."""


@dataclass(frozen=True)
class Timeline:
    """When the frames of a clip are shown.

    A clip of constant rate is its own timeline. One of variable rate is laid on a constant-rate timeline as fine as
    its shortest frame, so that index / fps is the time in seconds for both.

    Attributes:
        start: Time stamp of the first frame in seconds.
        times: Start of each frame in seconds after `start`, ascending.
        duration: Seconds from the first frame's start to the last one's end.
        fps: Rate of the constant timeline.
    """

    start: float
    times: np.ndarray
    duration: float
    fps: float

    @property
    def total_num_frames(self) -> int:
        """Number of places on the constant timeline; for a clip of constant rate its number of frames."""
        return max(1, round(self.duration * self.fps))

    def until(self, time: float) -> "Timeline":
        """Return the part up to and including the frame that starts at `time` seconds."""
        count = max(1, int(np.sum(self.times <= time + 0.5 / self.fps)))
        end = self.times[count] if count < len(self.times) else self.duration
        return build_timeline(self.start + self.times[:count], end - self.times[count - 1])


def build_timeline(times: np.ndarray, last_frame_duration: float) -> Timeline:
    """Lay frames on a constant-rate timeline.

    Args:
        times: Time stamp of each frame in seconds, strictly ascending.
        last_frame_duration: Seconds that the last frame is shown.
    """
    start, times = float(times[0]), times - times[0]
    duration = float(times[-1] + last_frame_duration)
    rate = len(times) / duration
    if np.all(np.abs(times - np.arange(len(times)) / rate) < 0.5 / rate):
        return Timeline(start, times, duration, rate)
    return Timeline(start, times, duration, float(1 / np.diff(times).min()))


def open_source(source: str | os.PathLike[str]) -> str | BinaryIO:
    """Turn a path, or a `file://`, http or https URL, into what PyAV opens.

    Raises:
        MediaError: If there is no such file or the URL can't be fetched.
    """
    name = os.fspath(source)
    if not name:
        raise MediaError("The name of the clip or picture is empty.")
    if name.startswith(("http://", "https://")):
        try:
            response = httpx.get(name, follow_redirects=True)
            response.raise_for_status()
        except httpx.HTTPError as error:
            raise unfetched(name, error) from error
        return BytesIO(response.content)
    scheme, mark, _ = name.partition("://")
    if mark and scheme != "file":
        raise MediaError(f"'{name}' can't be fetched: only http, https and file addresses can.")
    path = Path(name.removeprefix("file://"))
    try:
        if path.is_dir():
            raise MediaError(f"'{path}' is a folder, not a clip.")
        if not path.exists():
            raise MediaError(f"There is no file '{path}'.")
    except OSError as error:  # a name that is too long, a folder that may not be entered
        raise MediaError(f"'{shown_name(name)}' can't be opened: {error.strerror}.") from error
    if not path.is_file():
        raise MediaError(f"'{path}' is a device or a pipe, not a file.")
    if path.stat().st_size == 0:
        raise MediaError(f"'{path}' is an empty file.")
    return str(path)


def unfetched(name: str, error: httpx.HTTPError) -> MediaError:
    """Return the error that says why a URL can't be fetched."""
    return MediaError(f"Could not fetch '{name}': {error}.")


def shown_name(name: str) -> str:
    """Return a name as an error shows it, cut where data was passed as a name."""
    return name if len(name) <= _LONGEST_SHOWN_NAME else f"{name[:60]}…"


def decode_video(
    source: str | os.PathLike[str],
    sample_indices: SampleIndices | None = None,
    *,
    max_decoded_bytes: int | None = None,
    min_frame_pixels: int = 0,
) -> tuple[Tensor, VideoMetadata]:
    """Decode a clip frame by frame, keeping only the sampled frames.

    Args:
        source: Path or URL of anything that FFmpeg reads (mp4, webm, avi, animated GIF, …).
        sample_indices: Given the clip's metadata, the wanted indices in ascending order (index / fps is the time in
            seconds), as in transformers' `load_video`. Without it every frame is kept.
        max_decoded_bytes: Frames are scaled down while decoding so that all kept ones fit into this many bytes; None
            for no bound.
        min_frame_pixels: Frames are never scaled down below this many pixels each.

    Returns:
        Frames, uint8 (T, 3, H, W) RGB, upright; and the metadata, whose `frames_indices` has one entry per frame.

    Raises:
        MediaError: If the source is no clip or not one frame of it can be decoded.
    """
    opened = open_source(source)

    def collect(timeline: Timeline, metadata: VideoMetadata) -> tuple[FrameBuffer, float | None]:
        buffer = FrameBuffer(len(metadata.frames_indices), max_decoded_bytes, min_frame_pixels)
        return buffer, _read(source, opened, lambda container: _collect(container, timeline, metadata, buffer))

    timeline = _read(source, opened, _scan)
    metadata = _plan(timeline, sample_indices)
    buffer, end = collect(timeline, metadata)
    if end is None:
        raise MediaError(f"Not one frame of '{os.fspath(source)}' can be decoded.")
    if not buffer.is_full:
        # The file breaks off early: what there is becomes the whole clip, and is sampled as such.
        timeline = timeline.until(end)
        metadata = _plan(timeline, sample_indices)
        buffer, _ = collect(timeline, metadata)
    metadata.height, metadata.width = buffer.source_size
    return buffer.frames, metadata


def _plan(timeline: Timeline, sample_indices: SampleIndices | None) -> VideoMetadata:
    """Describe the clip and choose the frames to keep (`frames_indices`)."""
    metadata = VideoMetadata(
        total_num_frames=timeline.total_num_frames,
        fps=timeline.fps,
        duration=timeline.duration,
        video_backend="pyav",
    )
    all_indices = np.round(timeline.times * timeline.fps)
    indices = all_indices if sample_indices is None else sample_indices(metadata=metadata)
    metadata.frames_indices = [int(index) for index in indices]
    return metadata


def _read(source: str | os.PathLike[str], stream_of: str | BinaryIO, read: Callable[[Any], Any]) -> Any:
    """Open a container and read it; FFmpeg's errors become one sentence."""
    if isinstance(stream_of, BytesIO):
        stream_of.seek(0)
    try:
        with av.open(stream_of) as container:
            _video_stream(container, source)
            return read(container)
    except (FFmpegError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "unknown format"
        raise MediaError(f"'{os.fspath(source)}' can't be read as a clip: {reason}.") from error


def _video_stream(container: Any, source: str | os.PathLike[str] = "") -> Any:
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            return stream
    raise MediaError(f"'{os.fspath(source)}' has no video stream.")


def _rate(stream: Any) -> float:
    return float(stream.average_rate or stream.guessed_rate or FALLBACK_FPS)


def _packets(container: Any) -> Iterator[Any]:
    """Yield the packets of the video stream, the flushing one last, however the file ends."""
    try:
        yield from container.demux(_video_stream(container))
    except (FFmpegError, IndexError):  # PyAV raises the latter where a damaged file announces streams that it lacks
        return


def _scan(container: Any) -> Timeline:
    """Read the times of all frames without decoding one."""
    stream = _video_stream(container)
    rate = _rate(stream)
    packets = [packet for packet in _packets(container) if packet.size and not packet.is_discard]
    if not packets or any(packet.pts is None for packet in packets):
        count = len(packets) or 1
        return build_timeline(np.arange(count) / rate, 1 / rate)
    base = float(stream.time_base)
    packets.sort(key=lambda packet: packet.pts)
    times = np.unique([packet.pts * base for packet in packets])
    last = (packets[-1].duration or 0) * base
    if last <= 0:
        last = float(np.median(np.diff(times))) if len(times) > 1 else 1 / rate
    return build_timeline(times, last)


def _frames(container: Any) -> Iterator[tuple[float, Any]]:
    """Yield (time stamp in seconds, frame) in the order of time; packets that don't decode are left out."""
    stream = _video_stream(container)
    stream.thread_type = "AUTO"
    rate = _rate(stream)
    count = 0
    for packet in _packets(container):
        try:
            frames = packet.decode()
        except (FFmpegError, EOFError):
            continue
        for frame in frames:
            yield float(frame.pts * frame.time_base) if frame.pts is not None else count / rate, frame
            count += 1


def _collect(container: Any, timeline: Timeline, metadata: VideoMetadata, buffer: FrameBuffer) -> float | None:
    """Fill the buffer with the frames shown at the planned times.

    If the file breaks off before the last frame that its index promises, the buffer stays short.

    Returns:
        Start of the last decoded frame in seconds after the timeline's start; None if no frame can be decoded.
    """
    wanted = metadata.timestamps
    tolerance = 0.5 / timeline.fps
    shown: tuple[float, Any] | None = None
    for stamp, frame in _frames(container):
        time = stamp - timeline.start
        while shown and not buffer.is_full and wanted[buffer.count] + tolerance < time:
            buffer.append(*shown)
        if buffer.is_full:
            return time
        shown = (time, frame)
    if shown is None:
        return None
    complete = shown[0] + tolerance >= timeline.times[-1]
    while complete and not buffer.is_full:
        buffer.append(*shown)
    return shown[0]
