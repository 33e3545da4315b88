"""What the image and the video processor share about Facial Emotion Capture."""

import math
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

_LARGEST_UNIT_VALUE = 2.0
"""What a frame in 0 to 1 reaches at most where resizing overshoots."""
_LARGEST_NORMALIZED_VALUE = 3.0
"""What a frame of zero mean and unit variance reaches at most."""
_LOWEST_OVERSHOOT = -0.5
"""What a nearly black frame in 0 to 255 reaches at least where resizing overshoots."""
_BLACK_MEAN = 0.05
"""Mean over which floats up to 1 are taken for pictures in 0 to 1, not for black ones in 0 to 255."""


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
        face_captures: Sequence[Any] | None,
    ) -> list[Tensor]:
        """Capture the faces of each clip and mask its key frames.

        Args:
            clips: Clips (T, 3, H, W), uint8 or float.
            do_rescale: Whether float pixels still are 0 to 255 (else 0 to 1).
            fec_config: Settings of Facial Emotion Capture.
            face_captures: One stored result per clip; where it is None the faces are captured now.

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


def as_uint8(frames: Tensor, do_rescale: bool = True) -> Tensor:
    """Bring frames to uint8, which faces are looked for in.

    Args:
        frames: Numbers in 0 to 255 (0 to 1 where `do_rescale` is off), as far as resizing keeps to it.
        do_rescale: Whether the pixels still have to be rescaled to 0 to 1.

    Raises:
        ValueError: If they clearly are of another range, not finite, or no numbers.
    """
    if frames.dtype == torch.uint8:
        return frames
    if frames.dtype == torch.bool:
        raise ValueError("The frames are true and false; they must be numbers in 0 to 255.")
    frames = frames if frames.is_floating_point() else frames.float()
    if frames.numel():
        _check_range(frames, do_rescale)
    return (frames if do_rescale else frames * 255).round().clamp(0, 255).to(torch.uint8)


def _check_range(frames: Tensor, do_rescale: bool) -> None:
    """Refuse numbers in which no face could be seen; a black clip of 0 to 255 is none of them."""
    low, high = (float(value) for value in frames.aminmax())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError("The frames have values that are not finite.")
    if not do_rescale and high > _LARGEST_UNIT_VALUE:
        raise ValueError(f"Without do_rescale the frames must be in 0 to 1, but they reach {high:g}: leave it on.")
    if high > _LARGEST_UNIT_VALUE * 255:
        raise ValueError(f"The frames must be in 0 to 255, but they reach {high:g}.")
    if not do_rescale or high > _LARGEST_NORMALIZED_VALUE:
        return
    if low < _LOWEST_OVERSHOOT:
        raise ValueError(
            f"The frames reach from {low:g} to {high:g}, as if normalized already; they must be in 0 to 255."
        )
    has_fractions = bool((frames != frames.round()).any())
    if high <= 1 and has_fractions and float(frames.float().mean()) > _BLACK_MEAN:
        raise ValueError(
            f"The frames reach from {low:g} to {high:g}, as if rescaled already; they must be in 0 to 255. "
            "Pass do_rescale=False for frames in 0 to 1."
        )


def _as_rgb_uint8(clip: Tensor, do_rescale: bool) -> Tensor:
    if clip.shape[1] != 3:
        raise ValueError(f"Facial Emotion Capture needs RGB, not {clip.shape[1]} channels: leave do_convert_rgb on.")
    return as_uint8(clip, do_rescale)


def _like(clip: Tensor, masked: Tensor, do_rescale: bool) -> Tensor:
    """Bring masked frames to the dtype and range of their clip."""
    if clip.dtype == torch.uint8:
        return masked
    return masked.to(clip.dtype) if do_rescale else masked.to(clip.dtype) / 255
