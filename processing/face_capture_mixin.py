"""What the image and the video processor share about Facial Emotion Capture."""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .checkpoint_faces import FACE_NETWORKS_KEY
from .face_backends import WEIGHTS_NAME
from .face_capture import FaceCapture
from .facial_emotion_capture import FacialEmotionCapture
from .facial_emotion_capture_settings import FacialEmotionCaptureSettings
from .pixel_range import as_uint8

StoredCapture = FaceCapture | Mapping[str, Any]
"""A result of Facial Emotion Capture, or its dict."""


class FaceCaptureMixin:
    """Settings, weights and use of Facial Emotion Capture for a processor.

    The weights' path belongs to the machine, not to the checkpoint: it is kept out of the processor's JSON.
    """

    facial_emotion_capture = True
    fec_config = {"backend": "embedded", **FacialEmotionCaptureSettings().to_dict()}
    face_captures = None

    def __init__(self, **kwargs: Any) -> None:
        self._face_networks_path = kwargs.pop(FACE_NETWORKS_KEY, None)
        super().__init__(**kwargs)

    def _standardize_kwargs(self, fec_config: Mapping[str, Any] | None = None, **kwargs: Any) -> dict[str, Any]:
        kwargs = super()._standardize_kwargs(**kwargs)
        fec = FacialEmotionCapture(**{**self.fec_config, **(fec_config or {})})
        kwargs["fec_config"] = {"backend": fec.backend, **fec.settings.to_dict()}
        return kwargs

    def to_dict(self) -> dict[str, Any]:
        """Return the settings that the JSON keeps."""
        settings = super().to_dict()
        settings.pop("_face_networks_path", None)
        return settings

    def save_face_networks(self, folder: str | os.PathLike) -> None:
        """Copy the weights that came with the checkpoint into a folder; none if they are the package's own.

        Args:
            folder: An existing folder that a processor is saved to.
        """
        if self._face_networks_path is None:
            return
        source, copy = Path(self._face_networks_path), Path(folder) / WEIGHTS_NAME
        if not (copy.exists() and copy.samefile(source)):
            shutil.copyfile(source, copy)

    def face_capturer(self) -> FacialEmotionCapture:
        """Return Facial Emotion Capture with this processor's settings and weights."""
        return self._fec(self.fec_config)

    def _fec(self, fec_config: Mapping[str, Any]) -> FacialEmotionCapture:
        return FacialEmotionCapture(weights=self._face_networks_path, **fec_config)

    def _masked_key_frames(
        self,
        clips: Sequence[Tensor],
        do_rescale: bool,
        fec_config: Mapping[str, Any],
        face_captures: StoredCapture | Sequence[StoredCapture | None] | None,
    ) -> list[Tensor]:
        """Capture the faces of each clip and mask its key frames.

        Args:
            clips: Clips (T, 3, H, W), uint8 or float.
            do_rescale: Whether float pixels are in 0 to 255, to be rescaled later; otherwise they are in 0 to 1.
            fec_config: Settings of Facial Emotion Capture.
            face_captures: One stored result per clip, or the result itself for a single clip; where it is None the
                faces are captured now.

        Returns:
            For each clip its masked key frames (K, 3, H, W) in the order of time, of the clip's dtype and range.

        Raises:
            ValueError: If the stored results don't fit the clips.
        """
        if face_captures is None:
            face_captures = [None] * len(clips)
        elif isinstance(face_captures, Mapping | FaceCapture):
            face_captures = [face_captures]
        if len(face_captures) != len(clips):
            raise ValueError(f"There are {len(face_captures)} face captures for {len(clips)} pictures or clips.")
        fec = self._fec(fec_config)
        frames = [_as_rgb_uint8(clip, do_rescale) for clip in clips]
        captures = [
            FaceCapture.from_dict(stored) if isinstance(stored, Mapping) else stored for stored in face_captures
        ]
        missing = [index for index, stored in enumerate(captures) if stored is None]
        for index, found in zip(missing, fec.capture_batch([frames[index] for index in missing]), strict=True):
            captures[index] = found
        masked = [fec.mask(own, found) for own, found in zip(frames, captures, strict=True)]
        return [_like(clip, copies, do_rescale) for clip, copies in zip(clips, masked, strict=True)]


def _as_rgb_uint8(clip: Tensor, do_rescale: bool) -> Tensor:
    if clip.shape[1] != 3:
        raise ValueError(f"Facial Emotion Capture needs RGB, not {clip.shape[1]} channels: leave do_convert_rgb on.")
    return as_uint8(clip, do_rescale)


def _like(clip: Tensor, masked: Tensor, do_rescale: bool) -> Tensor:
    """Bring masked frames to the dtype and range of their clip."""
    if clip.dtype == torch.uint8:
        return masked
    return masked.to(clip.dtype) if do_rescale else masked.to(clip.dtype) / 255
