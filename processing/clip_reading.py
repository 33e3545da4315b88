"""Reading one clip of any kind: its sampled frames, and metadata with the time of each."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import PIL.Image
import torch
from torch import Tensor
from transformers.video_utils import VideoMetadata

from .image_loading import frames_of
from .video_decoding import MediaError, SampleIndices, decode_video
from .video_inputs import Clip


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReadingOptions:
    """How the clips of one call are read.

    Attributes:
        sample_indices: Chooses the frames to keep; None keeps all.
        to_rgb: Brings an array of frames to (T, 3, H, W).
        fps: Rate assumed of frames that come without metadata, which count as sampled already.
        by_number: Whether a number of frames is asked for; sampling by it needs no metadata.
        asked_to_sample: Whether the call itself (not a default) asks to sample.
        asked_for_fps: Whether the call itself (not a default) gives `fps`.
        max_decoded_bytes: See `decode_video`.
        min_frame_pixels: See `decode_video`.
    """

    sample_indices: SampleIndices | None
    to_rgb: Callable[[Any], Tensor]
    fps: float | None
    by_number: bool
    asked_to_sample: bool
    asked_for_fps: bool
    max_decoded_bytes: int | None
    min_frame_pixels: int


def list_metadata(video_metadata: Any, num_clips: int) -> list[VideoMetadata | None]:
    """Turn what a caller passes as `video_metadata` into one copy (or None) per clip.

    Raises:
        ValueError: If their number is not that of the clips.
    """
    found = _flatten(video_metadata)
    if not found:
        return [None] * num_clips
    if len(found) != num_clips:
        raise ValueError(f"There is metadata of {len(found)} clips for {num_clips} clips.")
    return [None if item is None else VideoMetadata(**item) for item in found]


def _flatten(metadata: Any) -> list[Mapping[str, Any] | None]:
    if metadata is None:
        return []
    if isinstance(metadata, Mapping):
        return [metadata]
    return [found for item in metadata for found in (_flatten(item) or [None])]


def read_clip(clip: Clip, metadata: VideoMetadata | None, options: ReadingOptions) -> tuple[Tensor, VideoMetadata]:
    """Read one clip.

    Args:
        clip: One entry of `list_clips`.
        metadata: What the caller knows about an array or a list of frames; that of a file is read from it.
        options: How to read it.

    Returns:
        Kept frames (T, 3, H, W), and metadata with one entry of `frames_indices` per frame.

    Raises:
        MediaError: If the clip can't be read or has no frame.
        ValueError: If it can't be sampled as asked.
    """
    if isinstance(clip, str):
        return decode_video(
            clip,
            options.sample_indices,
            max_decoded_bytes=options.max_decoded_bytes,
            min_frame_pixels=options.min_frame_pixels,
        )
    if isinstance(clip, list) and isinstance(clip[0], str) and options.asked_to_sample:
        raise ValueError(
            "Sampling frames from a list of images is not supported! Set `do_sample_frames=False`."
        )  # transformers' own words
    if isinstance(clip, list) and all(isinstance(frame, str | PIL.Image.Image) for frame in clip):
        return _sample(frames_of(clip), lambda frames: frames, metadata, options)
    frames = _to_array(clip)
    if 0 in frames.shape:
        raise MediaError("The clip has no frames." if len(frames) == 0 else "The frames of the clip are empty.")
    return _sample(frames, options.to_rgb, metadata, options)


def _to_array(clip: Clip) -> Any:
    """Stack a list of arrays; a whole array passes."""
    if not isinstance(clip, list):
        return np.ascontiguousarray(clip) if isinstance(clip, np.ndarray) else clip
    frames = [torch.as_tensor(np.asarray(frame)) for frame in clip]
    if any(frame.shape != frames[0].shape for frame in frames):
        raise MediaError("The frames of one clip differ in size.")
    stacked = torch.stack(frames)
    return stacked[..., None] if stacked.ndim == 3 else stacked


def _sample(
    frames: Any, to_rgb: Callable[[Any], Tensor], metadata: VideoMetadata | None, options: ReadingOptions
) -> tuple[Tensor, VideoMetadata]:
    is_known = metadata is not None and bool(metadata.fps)
    metadata = _complete(metadata, len(frames), options.fps)
    if not _has_to_sample(len(frames), metadata, is_known, options):
        rgb = to_rgb(frames)
    else:
        indices = [int(index) for index in options.sample_indices(metadata=metadata)]
        metadata.frames_indices = indices
        rgb = to_rgb(frames[indices])
    metadata.height, metadata.width = rgb.shape[-2:]
    return rgb, metadata


def _has_to_sample(num_frames: int, metadata: VideoMetadata, is_known: bool, options: ReadingOptions) -> bool:
    if options.sample_indices is None:
        return False
    if is_known:
        # Fewer frames than the clip had: somebody has sampled them before.
        return num_frames == metadata.total_num_frames
    if options.by_number:
        return True
    if options.asked_to_sample and options.asked_for_fps:
        raise ValueError("Sampling by `fps` needs the clip's own rate: pass `video_metadata` with `fps`.")
    return False


def _complete(metadata: VideoMetadata | None, num_frames: int, assumed_fps: float | None) -> VideoMetadata:
    """Fill in what is missing: frames without a rate have the assumed one, and lie evenly over the clip."""
    metadata = metadata or VideoMetadata(total_num_frames=num_frames)
    if not metadata.fps:
        metadata.fps = assumed_fps
    if metadata.frames_indices is None or len(metadata.frames_indices) != num_frames:
        total = metadata.total_num_frames
        metadata.frames_indices = [int(index * total / num_frames) for index in range(num_frames)]
    else:
        metadata.frames_indices = [int(index) for index in metadata.frames_indices]
    if metadata.duration is None and metadata.fps:
        metadata.duration = metadata.total_num_frames / metadata.fps
    return metadata
