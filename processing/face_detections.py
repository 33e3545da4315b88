"""Detected faces, and the two protocols behind every backend: face detector and emotion classifier."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Detections:
    """Faces of a clip, on the CPU, in the order of frames and within a frame the most confident first.

    Attributes:
        frames: int64 (N,), the frame of each face.
        boxes: float32 (N, 4), x1, y1, x2, y2 in pixels; may reach beyond the frame.
        scores: float32 (N,), 0 to 1.
        landmarks: float32 (N, 5, 2), x, y in pixels.
    """

    frames: Tensor
    boxes: Tensor
    scores: Tensor
    landmarks: Tensor

    def __len__(self) -> int:
        return len(self.frames)

    def select(self, keep: Tensor) -> "Detections":
        """Return the faces at these indices, or where this mask is true."""
        return Detections(self.frames[keep], self.boxes[keep], self.scores[keep], self.landmarks[keep])

    @staticmethod
    def cat(parts: list["Detections"]) -> "Detections":
        """Join detections of consecutive frames."""
        if not parts:
            return Detections(cpu_zeros(0).long(), cpu_zeros(0, 4), cpu_zeros(0), cpu_zeros(0, 5, 2))
        columns = zip(*((part.frames, part.boxes, part.scores, part.landmarks) for part in parts), strict=True)
        return Detections(*(torch.cat(column) for column in columns))


def cpu_zeros(*shape: int) -> Tensor:
    """Return zeros, float32 on the CPU whatever torch's defaults are."""
    return torch.zeros(shape, dtype=torch.float32, device="cpu")


class FaceDetector(Protocol):
    """Finds the faces of clips; a backend derives from it."""

    def detect(self, frames: Tensor) -> Detections:
        """Find faces in frames (T, 3, H, W), uint8 RGB, on any device; T may be 0."""
        ...

    def detect_clips(self, clips: Sequence[Tensor]) -> list[Detections]:
        """Find the faces of several clips of any sizes on one device; each result is that of `detect`.

        Overridden by detectors that can mix clips in a batch.
        """
        return [self.detect(frames) for frames in clips]


class EmotionClassifier(Protocol):
    """Reads emotions from faces that were found; a backend derives from it."""

    def classify(self, frames: Tensor, faces: Detections) -> Tensor:
        """Return probabilities, float32 (N, 7) on the CPU in the order of `EMOTIONS`, for N faces of frames.

        Args:
            frames: uint8 RGB (T, 3, H, W), on any device.
            faces: Where the faces are.
        """
        ...

    def classify_clips(self, clips: Sequence[Tensor], faces: Sequence[Detections]) -> list[Tensor]:
        """Classify the faces of several clips; each result is that of `classify`.

        Overridden by classifiers that can mix clips in a batch.
        """
        return [self.classify(frames, found) for frames, found in zip(clips, faces, strict=True)]


class FaceBackend(NamedTuple):
    """A detector and a classifier that go together."""

    detector: FaceDetector
    classifier: EmotionClassifier
