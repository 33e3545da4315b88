"""Emotion-Qwen's processor: text, images and clips to model inputs."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from transformers.models.qwen2_5_vl.processing_qwen2_5_vl import Qwen2_5_VLProcessor
from transformers.processing_utils import MultiModalData
from transformers.utils import logging

from .image_processing_emotion_qwen import EmotionQwenImageProcessor
from .media_kind import MediaKind
from .video_inputs import list_clips
from .video_processing_emotion_qwen import EmotionQwenVideoProcessor

logger = logging.get_logger(__name__)

_MEDIA = ("images", "videos", "audio")
_MARKED = ("tokenize", "return_dict", "return_assistant_tokens_mask")
"""Options that together ask for a mark on each token of the assistant."""
_STAND_IN = np.zeros((1, 1, 1, 3), np.uint8)
_PART_TYPES = ("image", "image_url", "video", "text")


class EmotionQwenProcessor(Qwen2_5_VLProcessor):
    """Qwen2.5-VL's processor around Emotion-Qwen's image and video processor.

    Every clip and every image has one placeholder in the text, whatever key frames follow it; `second_per_grid_ts`
    describes the clip without them. Empty lists of media count as none.
    """

    def __init__(
        self,
        image_processor: Any = None,
        tokenizer: Any = None,
        video_processor: Any = None,
        chat_template: str | dict[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(image_processor, tokenizer, video_processor, chat_template=chat_template, **kwargs)

    def visual_processor(self, kind: MediaKind) -> EmotionQwenImageProcessor | EmotionQwenVideoProcessor:
        """Return the part that processes media of one kind, and captures faces in them."""
        return self.image_processor if kind == "image" else self.video_processor

    def apply_chat_template(self, conversation: Any, *args: Any, **kwargs: Any) -> Any:
        """Apply the chat template as the base class does.

        Keys that are null are dropped from the parts of a message first: a table of messages (Arrow) fills in nulls
        for the keys that a part lacks, and each would count as one more image or clip. A part without a type gets the
        type that its key names. The caller's messages stay as they are.

        Tensors are made last: the base class looks for the assistant's tokens one by one, which takes ten times as
        long in a tensor as in a list.
        """
        conversation = _tidy(conversation)
        if not all(kwargs.get(name) for name in _MARKED):
            return super().apply_chat_template(conversation, *args, **kwargs)
        tensor_type = kwargs.pop("return_tensors", None)
        return super().apply_chat_template(conversation, *args, **kwargs).convert_to_tensors(tensor_type)

    def save_pretrained(
        self, save_directory: str | os.PathLike, push_to_hub: bool = False, **kwargs: Any
    ) -> list[str]:
        """Save the processor, with the face networks of the checkpoint that it came from.

        Without them, a copy saved by a process that loaded an exported folder would find no faces.
        """
        os.makedirs(save_directory, exist_ok=True)
        self.video_processor.save_face_networks(save_directory)
        return super().save_pretrained(save_directory, push_to_hub=push_to_hub, **kwargs)

    def prepare_inputs_layout(self, **kwargs: Any) -> tuple[Any, Any, Any, Any]:
        """Treat empty lists of media as none: clients that serve many models pass them."""
        for name in _MEDIA:
            if _is_empty(kwargs.get(name)):
                kwargs[name] = None
        return super().prepare_inputs_layout(**kwargs)

    def validate_inputs(self, audios: Any = None, **kwargs: Any) -> None:
        """Check that there is input, of kinds that the model takes.

        `audio` is left out with a warning, as a processor without an audio part does everywhere in transformers.

        Raises:
            ValueError: If there is no input, or `audios` has any.
        """
        if not _is_empty(audios):
            raise ValueError("Emotion-Qwen takes text, images and video, no audio.")
        if kwargs.get("audio") is not None:
            logger.warning_once("Emotion-Qwen takes text, images and video: `audio` is left out.")
        if kwargs.get("videos") is not None:
            # Newer releases count the clips against the placeholders, but take each path of a frame for a clip.
            kwargs["videos"] = [_STAND_IN] * len(list_clips(kwargs["videos"]))
        super().validate_inputs(**kwargs)

    def _merge_kwargs(self, *args: Any, **kwargs: Any) -> dict[str, dict[str, Any]]:
        kwargs.pop("audios", None)
        kwargs = {name: _single_rate(value) if name == "fps" else value for name, value in kwargs.items()}
        return super()._merge_kwargs(*args, **kwargs)

    def _process_images(self, images: Any, **kwargs: Any) -> tuple[Mapping[str, Any], list[str]]:
        processed = self.image_processor(images, **kwargs)
        indices = range(len(processed["image_grid_thw"]))
        return processed, [self.replace_image_token(processed, image_idx=index) for index in indices]

    def _process_videos(self, videos: Any, **kwargs: Any) -> tuple[Mapping[str, Any], list[str]]:
        processed = self.video_processor(videos, **{**kwargs, "return_metadata": True})
        step = kwargs.get("temporal_patch_size") or self.video_processor.temporal_patch_size
        processed["second_per_grid_ts"] = [step / metadata.sampled_fps for metadata in processed["video_metadata"]]
        indices = range(len(processed["video_grid_thw"]))
        return processed, [self.replace_video_token(processed, video_idx=index) for index in indices]

    def _get_num_multimodal_tokens(
        self, image_sizes: Any = None, video_sizes: Any = None, **kwargs: Any
    ) -> MultiModalData:
        """Count the placeholder tokens of media of the given sizes, without key frames.

        Args:
            image_sizes: (height, width) of each image.
            video_sizes: (frames, height, width) of each clip.
            **kwargs: Overrides of the processors' settings, flat or in `images_kwargs` and `videos_kwargs`;
                `num_key_frames` counts so many key frames with each.
        """
        data = {}
        if image_sizes is not None:
            options = {**kwargs, **kwargs.get("images_kwargs", {})}
            merge = options.get("merge_size") or self.image_processor.merge_size
            patches = [self.image_processor.get_number_of_image_patches(*size, options) for size in image_sizes]
            data["num_image_patches"] = patches
            data["num_image_tokens"] = [count // merge**2 for count in patches]
        if video_sizes is not None:
            options = {**kwargs, **kwargs.get("videos_kwargs", {})}
            merge = options.get("merge_size") or self.video_processor.merge_size
            patches = [self.video_processor.get_num_of_video_patches(*size, options) for size in video_sizes]
            data["num_video_tokens"] = [count // merge**2 for count in patches]
        return MultiModalData(**data)


def _is_empty(media: Any) -> bool:
    """Tell whether there is nothing in (nested) lists of media."""
    return media is None or (isinstance(media, list | tuple) and all(map(_is_empty, media)))


def _single_rate(fps: Any) -> Any:
    """Turn qwen_vl_utils' list of one rate per clip into that rate, where all clips have the same."""
    rates = set(fps) if isinstance(fps, list | tuple) else ()
    return rates.pop() if len(rates) == 1 else fps


def _tidy(conversation: Any) -> Any:
    """Copy a conversation, or a batch of them, with tidy parts."""
    if isinstance(conversation, list | tuple):
        return [_tidy(item) for item in conversation]
    if not isinstance(conversation, Mapping) or not isinstance(conversation.get("content"), list | tuple):
        return conversation
    parts = [_tidy_part(part) if isinstance(part, Mapping) else part for part in conversation["content"]]
    return {**conversation, "content": parts}


def _tidy_part(part: Mapping[str, Any]) -> dict[str, Any]:
    tidy = {key: value for key, value in part.items() if value is not None}
    named = next((kind for kind in _PART_TYPES if kind in tidy), None)
    return tidy if named is None else {"type": named, **tidy}
