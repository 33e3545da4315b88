"""The embedded backend's classifier: two small networks and their calibration, all faces of all clips in batches."""

from collections.abc import Sequence

import torch
from torch import Tensor

from .emotion_calibration import EmotionCalibration
from .emotion_networks import FaceApiExpressionNet, MiniXception
from .face_capture import EMOTIONS
from .face_crops import resize, square_crop
from .face_detections import Detections, EmotionClassifier, cpu_zeros
from .facial_emotion_capture_settings import FacialEmotionCaptureSettings

GRAY_WEIGHTS = (0.299, 0.587, 0.114)
"""Luma of red, green and blue (ITU-R BT.601), as the gray classifier was trained on."""


class EmbeddedEmotionClassifier(EmotionClassifier):
    """The mean of mini-Xception and face-api's expression network, calibrated.

    Args:
        gray: The network for gray faces.
        color: The network for RGB faces.
        calibration: Corrects the mean by the features of both.
        settings: `crop_scale`, `classification_batch_size` and `emotion_calibration` are used.
    """

    def __init__(
        self,
        gray: MiniXception,
        color: FaceApiExpressionNet,
        calibration: EmotionCalibration,
        settings: FacialEmotionCaptureSettings,
    ) -> None:
        self.gray = gray
        self.color = color
        self.calibration = calibration
        self.settings = settings

    def classify(self, frames: Tensor, faces: Detections) -> Tensor:
        """See `EmotionClassifier.classify`."""
        return self.classify_clips([frames], [faces])[0]

    def classify_clips(self, clips: Sequence[Tensor], faces: Sequence[Detections]) -> list[Tensor]:
        """Read the faces of several clips on one device, in batches across clips."""
        places = [
            (frames, frame, box)
            for frames, found in zip(clips, faces, strict=True)
            for frame, box in zip(found.frames.tolist(), found.boxes.tolist(), strict=True)
        ]
        size = self.settings.classification_batch_size
        batches = [cpu_zeros(0, len(EMOTIONS))]
        for first in range(0, len(places), size):
            crops = [
                square_crop(frames[frame], box, self.settings.crop_scale, self.color.input_size)
                for frames, frame, box in places[first : first + size]
            ]
            batches.append(self._probabilities(torch.cat(crops).float()).cpu())
        return list(torch.cat(batches).split([len(found) for found in faces]))

    def _probabilities(self, crops: Tensor) -> Tensor:
        """Return probabilities (N, 7) in the order of `EMOTIONS` for crops (N, 3, size, size), 0–255."""
        luma = torch.tensor(GRAY_WEIGHTS, dtype=crops.dtype, device=crops.device).view(1, 3, 1, 1)
        gray = resize((crops * luma).sum(dim=1, keepdim=True), self.gray.input_size, self.gray.input_size)
        gray_read, gray_features = _read(self.gray, gray / 127.5 - 1)
        color_read, color_features = _read(self.color, crops)
        features = torch.cat([gray_features, color_features], dim=1)
        return self.calibration((gray_read + color_read) / 2, features, self.settings.emotion_calibration)


def _read(network: MiniXception | FaceApiExpressionNet, images: Tensor) -> tuple[Tensor, Tensor]:
    """Run a network on (N, C, h, w): its probabilities in the order of `EMOTIONS`, and its features."""
    order = [network.labels.index(label) for label in EMOTIONS]
    probabilities, features = network.read(images)
    return probabilities[:, order], features
