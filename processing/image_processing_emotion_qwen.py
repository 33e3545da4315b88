"""Emotion-Qwen's image processor: upright RGB, Facial Emotion Capture, patches."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import PIL.Image
import torch
from torch import Tensor
from torchvision.transforms.v2.functional import pil_to_tensor
from transformers.feature_extraction_utils import BatchFeature
from transformers.image_utils import ChannelDimension
from transformers.models.qwen2_vl.image_processing_qwen2_vl import Qwen2VLImageProcessor, Qwen2VLImageProcessorKwargs
from transformers.processing_utils import Unpack

from .checkpoint_faces import settings_of_checkpoint
from .face_capture import FaceCapture
from .face_capture_mixin import FaceCaptureMixin
from .image_loading import channels_come_first, load_rgb, to_rgb
from .pixel_range import as_uint8

RGB_CHANNELS = 3
WHITE = 255


class EmotionQwenImageProcessorKwargs(Qwen2VLImageProcessorKwargs, total=False):
    r"""
    facial_emotion_capture (`bool`, *optional*, defaults to `True`):
        Whether an image with a face is followed by its masked copy, as a second temporal patch.
    fec_config (`dict`, *optional*):
        Fields of `FacialEmotionCaptureSettings`, and the name of the `backend`; the others keep their values.
    face_captures (`list`, *optional*):
        Stored results of Facial Emotion Capture (`FaceCapture` or its dict), one per image; None where there is none.
    """  # noqa: D205, D212

    facial_emotion_capture: bool | None
    fec_config: dict | None
    face_captures: Any


class EmotionQwenImageProcessor(FaceCaptureMixin, Qwen2VLImageProcessor):
    """Qwen2.5-VL's image processor with Facial Emotion Capture.

    Without Facial Emotion Capture, or without a face, the patches of an RGB image equal `Qwen2VLImageProcessor`'s bit
    for bit. With a face the image becomes two temporal patches of one placeholder: itself and its masked copy.
    """

    size = {"shortest_edge": 56 * 56, "longest_edge": 1280 * 784}
    valid_kwargs = EmotionQwenImageProcessorKwargs

    def __init__(self, **kwargs: Unpack[EmotionQwenImageProcessorKwargs]) -> None:
        super().__init__(**kwargs)

    @classmethod
    def get_image_processor_dict(
        cls, pretrained_model_name_or_path: str | os.PathLike, **kwargs: Any
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Read the settings, and find the face networks beside them."""
        read = super().get_image_processor_dict(pretrained_model_name_or_path, **kwargs)
        return settings_of_checkpoint(*read, pretrained_model_name_or_path, **kwargs)

    def fetch_images(self, image_url_or_urls: Any) -> Any:
        """Load pictures from paths and URLs as uint8 (3, H, W), in the nesting they come in.

        Other pictures are returned as they are; gray arrays (H, W) become (1, H, W).

        Raises:
            MediaError: If a picture can't be read.
        """
        if isinstance(image_url_or_urls, str | os.PathLike):
            return load_rgb(image_url_or_urls)
        if isinstance(image_url_or_urls, np.ndarray | Tensor) and image_url_or_urls.ndim == 2:
            return image_url_or_urls[None]
        return super().fetch_images(image_url_or_urls)

    def process_image(
        self,
        image: Any,
        do_convert_rgb: bool | None = None,
        input_data_format: str | ChannelDimension | None = None,
        **kwargs: Any,
    ) -> Tensor:
        """Turn one picture into a tensor (C, H, W); with `do_convert_rgb` it is upright RGB, alpha over white."""
        if do_convert_rgb and isinstance(image, PIL.Image.Image):
            image, input_data_format = pil_to_tensor(to_rgb(image)), ChannelDimension.FIRST
        if isinstance(image, np.ndarray):
            image = np.ascontiguousarray(image)
        if input_data_format is None and isinstance(image, np.ndarray | Tensor) and image.ndim == 3:
            input_data_format = ChannelDimension.FIRST if channels_come_first(image.shape) else ChannelDimension.LAST
        image = super().process_image(image, do_convert_rgb=False, input_data_format=input_data_format, **kwargs)
        return _array_to_rgb(image) if do_convert_rgb else image

    def decode(self, image: Any) -> Tensor:
        """Load one picture.

        Args:
            image: A path, a URL, a PIL picture or an array (uint8, or numbers in 0 to 255).

        Returns:
            uint8 (3, H, W) RGB, upright.

        Raises:
            MediaError: If the picture can't be read.
        """
        return as_uint8(self.process_image(self.fetch_images(image), do_convert_rgb=True))

    def capture_faces(self, image: Any) -> FaceCapture:
        """Capture the faces of one picture with this processor's settings, as a clip of one frame.

        Args:
            image: What `decode` takes.
        """
        return self.face_capturer().capture(self.decode(image)[None])

    def _preprocess(
        self,
        images: list[Tensor],
        do_rescale: bool,
        facial_emotion_capture: bool | None = None,
        fec_config: Mapping[str, Any] | None = None,
        face_captures: Any = None,
        return_tensors: Any = None,
        **kwargs: Any,
    ) -> BatchFeature:
        """Follow each image (3, H, W) that shows a face by its masked copy, and make patches of them."""
        if not facial_emotion_capture:
            return super()._preprocess(images, do_rescale=do_rescale, return_tensors=return_tensors, **kwargs)
        masked = self._masked_key_frames([image[None] for image in images], do_rescale, fec_config, face_captures)
        shown = [frame for image, copies in zip(images, masked, strict=True) for frame in (image, *copies)]
        stills = super()._preprocess(shown, do_rescale=do_rescale, return_tensors=None, **kwargs)
        # A masked copy has its image's size and comes right after it: its patches are the image's next temporal patch.
        grids, row = [], 0
        for copies in masked:
            _, height, width = stills["image_grid_thw"][row].tolist()
            grids.append([1 + len(copies), height, width])
            row += 1 + len(copies)
        return BatchFeature(
            data={"pixel_values": stills["pixel_values"], "image_grid_thw": torch.tensor(grids, dtype=torch.long)},
            tensor_type=return_tensors,
        )

    def get_number_of_image_patches(
        self, height: int, width: int, images_kwargs: Mapping[str, Any] | None = None
    ) -> int:
        """Count the patches of an image.

        Whether a masked copy follows depends on the image's faces. It is counted only if `images_kwargs` states
        `num_key_frames: 1`.

        Args:
            height: Height in pixels.
            width: Width in pixels.
            images_kwargs: Overrides of the processor's settings, and `num_key_frames`.
        """
        options = {key: value for key, value in (images_kwargs or {}).items() if value is not None}
        size = options.get("size", {})
        edges = {"min_pixels": size.get("shortest_edge"), "max_pixels": size.get("longest_edge")}
        options = {**{key: value for key, value in edges.items() if value is not None}, **options}
        still = super().get_number_of_image_patches(height, width, options)
        return still * (1 + options.get("num_key_frames", 0))


def _array_to_rgb(image: Tensor) -> Tensor:
    """Turn gray (1, H, W) and RGB with alpha (4, H, W) into RGB (3, H, W), alpha over white."""
    channels = image.shape[0]
    if channels == RGB_CHANNELS:
        return image
    if channels == 1:
        return image.expand(RGB_CHANNELS, -1, -1)
    white = WHITE if image.max() > 1 or not image.is_floating_point() else 1
    alpha = image[-1:].float() / white
    blended = image[:-1].float() * alpha + white * (1 - alpha)
    blended = blended.round().to(image.dtype) if not image.is_floating_point() else blended.to(image.dtype)
    return blended.expand(RGB_CHANNELS, -1, -1)
