"""Emotion-Qwen's video processor: decoding, sampling, Facial Emotion Capture, patches."""

import os
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor
from transformers.feature_extraction_utils import BatchFeature
from transformers.image_utils import ChannelDimension, SizeDict
from transformers.models.qwen2_vl.video_processing_qwen2_vl import (
    Qwen2VLVideoProcessor,
    Qwen2VLVideoProcessorInitKwargs,
    smart_resize,
)
from transformers.processing_utils import Unpack
from transformers.video_utils import VideoMetadata

from .checkpoint_faces import settings_of_checkpoint
from .clip_patches import capped_size, frames_per_piece, num_rows, patchify_parts
from .clip_reading import ReadingOptions, list_metadata, read_clip
from .face_capture import FaceCapture
from .face_capture_mixin import FaceCaptureMixin
from .frame_sampling import sample_evenly
from .image_loading import channels_come_first
from .pixel_range import as_uint8
from .video_inputs import Clip, list_clips

_SAMPLING = ("temporal_patch_size", "min_frames", "max_frames", "num_frames", "fps")
_READING_OPTIONS = ("video_metadata", "do_sample_frames", "input_data_format")
"""Options that apply to reading the clips and not to what comes after it."""


class EmotionQwenVideoProcessorKwargs(Qwen2VLVideoProcessorInitKwargs, total=False):
    r"""
    facial_emotion_capture (`bool`, *optional*, defaults to `True`):
        Whether to append the masked key frames that show the faces' emotions after each clip.
    fec_config (`dict`, *optional*):
        Fields of `FacialEmotionCaptureSettings`, and the name of the `backend`; the others keep their values.
    face_captures (`list`, *optional*):
        Stored results of Facial Emotion Capture (`FaceCapture` or its dict), one per clip; None where there is none.
    max_decoded_bytes (`int`, *optional*, defaults to 512 MiB):
        Frames of a file are scaled down while decoding so that the kept ones fit into this many bytes, but never below
        `size["longest_edge"]` pixels each.
    """  # noqa: D205, D212

    facial_emotion_capture: bool | None
    fec_config: dict | None
    face_captures: Any
    max_decoded_bytes: int | None


class EmotionQwenVideoProcessor(FaceCaptureMixin, Qwen2VLVideoProcessor):
    """Qwen2.5-VL's video processor with decoding of its own and Facial Emotion Capture.

    Without Facial Emotion Capture the patches equal `Qwen2VLVideoProcessor`'s bit for bit. With it each clip is padded
    to whole temporal patches and its masked key frames follow in the order of time, as further rows of the same grid.

    Frames that come without metadata count as sampled already, at `fps` frames per second.
    """

    fps = 3
    do_sample_frames = True
    cap_pixels_per_frame = True
    size = {"shortest_edge": 56 * 56, "longest_edge": 448 * 448}
    max_decoded_bytes = 512 * 2**20
    valid_kwargs = EmotionQwenVideoProcessorKwargs

    def __init__(self, **kwargs: Unpack[EmotionQwenVideoProcessorKwargs]) -> None:
        super().__init__(**kwargs)

    @classmethod
    def get_video_processor_dict(
        cls, pretrained_model_name_or_path: str | os.PathLike, **kwargs: Any
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Read the settings, and find the face networks beside them."""
        read = super().get_video_processor_dict(pretrained_model_name_or_path, **kwargs)
        return settings_of_checkpoint(*read, pretrained_model_name_or_path, **kwargs)

    def preprocess(self, videos: Any, **kwargs: Unpack[EmotionQwenVideoProcessorKwargs]) -> BatchFeature:
        """Turn clips into patches.

        Args:
            videos: See `list_clips`: paths, URLs, arrays, lists of frames, and lists of them.
            **kwargs: Overrides of the processor's settings for this call.

        Returns:
            `pixel_values_videos` (sum of T·H·W of the grids, 3·temporal_patch·patch²) float32, `video_grid_thw`
            (clips, 3) int64, and with `return_metadata` one `VideoMetadata` per clip, of the clip without key frames.

        Raises:
            MediaError: If a clip can't be read.
            ValueError: If metadata, stored face captures or sampling do not fit the clips.
        """
        clips, metadata = self._read_clips(videos, **kwargs)
        patching = {name: value for name, value in kwargs.items() if name not in _READING_OPTIONS}
        return super().preprocess(
            clips, video_metadata=metadata, do_sample_frames=False, input_data_format="channels_first", **patching
        )

    def decode(
        self, video: Clip | os.PathLike[str], **kwargs: Unpack[EmotionQwenVideoProcessorKwargs]
    ) -> tuple[Tensor, VideoMetadata]:
        """Decode and sample one clip, as a call of the processor would.

        Pass the result on with `video_metadata=[metadata], do_sample_frames=False`.

        Args:
            video: One clip: a path, a URL, an array or a list of frames.
            **kwargs: `fps`, `num_frames`, `video_metadata`, `do_sample_frames`, … for this call.

        Returns:
            Frames, uint8 (T, 3, H, W) RGB; and the metadata, with the kept frames in `frames_indices`.

        Raises:
            MediaError: If the clip can't be read.
            ValueError: If there is not exactly one clip.
        """
        clips, metadata = self._read_clips(video, **{**kwargs, "do_convert_rgb": True})
        if len(clips) != 1:
            raise ValueError(f"There are {len(clips)} clips; decode takes one.")
        return as_uint8(clips[0]), metadata[0]

    def capture_faces(self, frames: Tensor, metadata: VideoMetadata | None = None) -> FaceCapture:
        """Capture the faces of a decoded clip with this processor's settings.

        Args:
            frames: (T, 3, H, W) RGB, uint8 or 0 to 255.
            metadata: What `decode` returned with them; without it the key frames have no times.
        """
        times = _timestamps(metadata, len(frames))
        fps = None if metadata is None else float(metadata.sampled_fps)
        return self.face_capturer().capture(as_uint8(frames), fps=fps, timestamps=times)

    def sample_frames(
        self,
        metadata: VideoMetadata,
        temporal_patch_size: int | None = None,
        min_frames: int | None = None,
        max_frames: int | None = None,
        num_frames: int | None = None,
        fps: int | float | None = None,
        **kwargs: Any,
    ) -> Tensor:
        """Choose frames evenly over a clip, as `Qwen2VLVideoProcessor` does, and also where that one raises.

        A clip shorter than a temporal patch keeps all its frames.

        Args:
            metadata: Length and rate of the clip.
            temporal_patch_size: The number of frames is rounded to a multiple of it.
            min_frames: Smallest number of frames (as far as the clip has them) when sampling by `fps`.
            max_frames: Largest number of frames when sampling by `fps`.
            num_frames: Number of frames.
            fps: Frames per second; without it and `num_frames` the processor's own settings hold.
            **kwargs: Not used.

        Returns:
            Indices of the frames, int32, ascending.

        Raises:
            ValueError: If both `num_frames` and `fps` are given, or one is not positive; if there are fewer frames
                than asked for; if `fps` is asked of a clip of unknown rate.
        """
        if num_frames is not None and fps is not None:
            raise ValueError("`num_frames` and `fps` exclude each other: pass one of them.")
        if num_frames is None and fps is None:
            num_frames, fps = self.num_frames, self.fps
        indices = sample_evenly(
            metadata,
            num_frames,
            fps,
            step=temporal_patch_size or self.temporal_patch_size,
            min_frames=min_frames or self.min_frames,
            max_frames=max_frames or self.max_frames,
        )
        return torch.tensor(indices, dtype=torch.int)

    def get_num_of_video_patches(
        self, num_frames: int, height: int, width: int, videos_kwargs: Mapping[str, Any] | None = None
    ) -> int:
        """Count the patches of a clip.

        How many key frames follow a clip depends on its faces. None are counted unless `videos_kwargs` states
        `num_key_frames`, which is `fec_config["max_key_frames"]` at most.

        Args:
            num_frames: Sampled frames of the clip.
            height: Height of its frames in pixels.
            width: Width of its frames in pixels.
            videos_kwargs: Overrides of the processor's settings, and `num_key_frames`.
        """
        options = {key: value for key, value in (videos_kwargs or {}).items() if value is not None}
        patch = options.get("patch_size", self.patch_size)
        factor = patch * options.get("merge_size", self.merge_size)
        step = options.get("temporal_patch_size", self.temporal_patch_size)
        size = SizeDict(**{**dict(self.size), **dict(options.get("size", {}))})
        lengths = (num_frames, options.get("num_key_frames", 0))
        if options.get("cap_pixels_per_frame", self.cap_pixels_per_frame):
            size = capped_size(size, lengths, step, factor, self.max_video_tokens)
        resized_height, resized_width = smart_resize(height, width, factor, size.shortest_edge, size.longest_edge)
        return num_rows(lengths, step) * (resized_height // patch) * (resized_width // patch)

    def _read_clips(self, videos: Any, **kwargs: Any) -> tuple[list[Tensor], list[VideoMetadata]]:
        clips = list_clips(videos)
        if not clips:
            raise ValueError("There is no clip to process.")
        metadata = list_metadata(kwargs.get("video_metadata"), len(clips))
        options = self._reading_options(kwargs)
        read = [read_clip(clip, known, options) for clip, known in zip(clips, metadata, strict=True)]
        return [frames for frames, _ in read], [known for _, known in read]

    def _reading_options(self, kwargs: Mapping[str, Any]) -> ReadingOptions:
        asked = {name: value for name, value in kwargs.items() if value is not None}
        do_sample = asked.get("do_sample_frames", self.do_sample_frames)
        sampling = {name: asked[name] for name in _SAMPLING if name in asked}
        size = asked.get("size", self.size)
        longest_edge = size.get("longest_edge") if isinstance(size, Mapping) else self.size.longest_edge
        return ReadingOptions(
            sample_indices=partial(self.sample_frames, **sampling) if do_sample else None,
            to_rgb=partial(
                self._to_rgb,
                do_convert_rgb=asked.get("do_convert_rgb", self.do_convert_rgb),
                input_data_format=asked.get("input_data_format", self.input_data_format),
            ),
            fps=asked.get("fps", self.fps),
            by_number="num_frames" in asked or ("fps" not in asked and self.num_frames is not None),
            asked_to_sample=bool(asked.get("do_sample_frames")),
            asked_for_fps="fps" in asked,
            max_decoded_bytes=asked.get("max_decoded_bytes", self.max_decoded_bytes),
            min_frame_pixels=longest_edge or 0,
        )

    def _to_rgb(self, frames: Any, do_convert_rgb: bool | None, input_data_format: Any) -> Tensor:
        if input_data_format is None:
            input_data_format = ChannelDimension.FIRST if channels_come_first(frames.shape) else ChannelDimension.LAST
        return self._prepare_input_videos(
            [frames], do_convert_rgb=do_convert_rgb, input_data_format=input_data_format
        )[0]

    def _preprocess(
        self,
        videos: list[Tensor],
        size: SizeDict,
        do_rescale: bool,
        patch_size: int,
        temporal_patch_size: int,
        merge_size: int,
        cap_pixels_per_frame: bool | None = None,
        facial_emotion_capture: bool | None = None,
        fec_config: Mapping[str, Any] | None = None,
        face_captures: Any = None,
        max_decoded_bytes: int | None = None,
        return_tensors: Any = None,
        **kwargs: Any,
    ) -> BatchFeature:
        """Append the masked key frames to the clips (T, 3, H, W) and make patches of them."""
        if facial_emotion_capture:
            masked = self._masked_key_frames(videos, do_rescale, fec_config, face_captures)
        else:
            masked = [clip[:0] for clip in videos]
        patches, grids = [], []
        for parts in zip(videos, masked, strict=True):
            frame_size = size
            if cap_pixels_per_frame:
                lengths = tuple(map(len, parts))
                frame_size = capped_size(
                    size, lengths, temporal_patch_size, patch_size * merge_size, self.max_video_tokens
                )
            patchify = partial(
                super()._preprocess,
                size=frame_size,
                do_rescale=do_rescale,
                patch_size=patch_size,
                temporal_patch_size=temporal_patch_size,
                merge_size=merge_size,
                cap_pixels_per_frame=False,
                return_tensors=None,
                **kwargs,
            )
            piece = frames_per_piece(max_decoded_bytes, frame_size.longest_edge, temporal_patch_size)
            clip_patches, grid = patchify_parts(parts, patchify, temporal_patch_size, piece)
            patches.append(clip_patches)
            grids.append(grid)
        return BatchFeature(
            data={
                "pixel_values_videos": patches[0] if len(patches) == 1 else torch.cat(patches),
                "video_grid_thw": torch.tensor(grids),
            },
            tensor_type=return_tensors,
        )


def _timestamps(metadata: VideoMetadata | None, num_frames: int) -> list[float] | None:
    """Return the time of each frame in seconds, if the metadata has it."""
    if metadata is None or metadata.fps is None or metadata.frames_indices is None:
        return None
    return [float(time) for time in metadata.timestamps] if len(metadata.frames_indices) == num_frames else None
