"""What finds faces and what reads their emotions: two small protocols, and the backend that needs nothing else.

A backend is looked up by name. "embedded" runs RetinaFace-m0.25 and the mean of two small classifiers from one file of
1.6 MB, in torch, on the device where the frames are.
"""

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import NamedTuple, Protocol

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.ops import nms

from .emotion_networks import FaceApiExpressionNet, MiniXception
from .face_capture import EMOTIONS
from .facial_emotion_capture_settings import FacialEmotionCaptureSettings
from .retinaface import INPUT_MULTIPLE, RetinaFace, anchors, decode_boxes, decode_landmarks

WEIGHTS_NAME = "face_networks.safetensors"
GRAY_WEIGHTS = (0.299, 0.587, 0.114)
"""Luma of red, green and blue (ITU-R BT.601), as the gray classifier was trained on."""


@dataclass(frozen=True, slots=True)
class Detections:
    """Faces of a clip, on the CPU, in the order of frames and within a frame the surest first.

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
            return Detections(_cpu(0).long(), _cpu(0, 4), _cpu(0), _cpu(0, 5, 2))
        columns = zip(*((part.frames, part.boxes, part.scores, part.landmarks) for part in parts), strict=True)
        return Detections(*(torch.cat(column) for column in columns))


def _cpu(*shape: int) -> Tensor:
    """Return zeros, float32 on the CPU whatever torch's defaults are."""
    return torch.zeros(shape, dtype=torch.float32, device="cpu")


class FaceDetector(Protocol):
    """Finds the faces of a clip."""

    def detect(self, frames: Tensor) -> Detections:
        """Find faces in frames (T, 3, H, W), uint8 RGB, on any device; T may be 0."""
        ...


class EmotionClassifier(Protocol):
    """Reads emotions from faces that were found."""

    def classify(self, frames: Tensor, faces: Detections) -> Tensor:
        """Return probabilities, float32 (N, 7) on the CPU in the order of `EMOTIONS`, for N faces of frames.

        Args:
            frames: uint8 RGB (T, 3, H, W), on any device.
            faces: Where the faces are.
        """
        ...


class FaceBackend(NamedTuple):
    """A detector and a classifier that go together."""

    detector: FaceDetector
    classifier: EmotionClassifier


class EmbeddedFaceDetector:
    """RetinaFace-m0.25 on one downscaled copy of the clip, batch by batch."""

    def __init__(self, network: RetinaFace, settings: FacialEmotionCaptureSettings):
        self.network = network
        self.settings = settings

    def detect(self, frames: Tensor) -> Detections:
        """See `FaceDetector.detect`."""
        size = self.settings.detection_batch_size
        return Detections.cat(
            [self._detect(frames[first : first + size], first) for first in range(0, len(frames), size)]
        )

    def _detect(self, frames: Tensor, first_frame: int) -> Detections:
        height, width = frames.shape[-2:]
        scale = self.settings.detection_size / max(height, width)
        small_height, small_width = max(1, round(height * scale)), max(1, round(width * scale))
        images = resize(frames, small_height, small_width).flip(1)
        images = F.pad(images, (0, -small_width % INPUT_MULTIPLE, 0, -small_height % INPUT_MULTIPLE))
        scores, boxes, landmarks = self.network(images.contiguous(memory_format=torch.channels_last))

        frame, anchor = (scores > self.settings.detection_threshold).nonzero(as_tuple=True)
        anchor_boxes = anchors(images.shape[-2], images.shape[-1], images.device)[anchor]
        to_pixels = torch.tensor([width / small_width, height / small_height], dtype=torch.float32, device="cpu")
        found = Detections(
            frames=frame.cpu() + first_frame,
            boxes=decode_boxes(boxes[frame, anchor], anchor_boxes).cpu() * to_pixels.repeat(2),
            scores=scores[frame, anchor].cpu(),
            landmarks=decode_landmarks(landmarks[frame, anchor], anchor_boxes).cpu() * to_pixels,
        )
        return found.select(self._surest(found))

    def _surest(self, found: Detections) -> Tensor:
        """Return the indices that non-maximum suppression keeps, frame by frame, the surest of a frame first."""
        kept = [_cpu(0).long()]
        for frame in found.frames.unique():
            members = (found.frames == frame).nonzero()[:, 0]
            kept.append(members[nms(found.boxes[members], found.scores[members], self.settings.detection_overlap)])
        return torch.cat(kept)


class EmbeddedEmotionClassifier:
    """The mean of mini-Xception and face-api's expression network, all faces of a clip in batches."""

    def __init__(self, gray: MiniXception, color: FaceApiExpressionNet, settings: FacialEmotionCaptureSettings):
        self.gray = gray
        self.color = color
        self.settings = settings

    def classify(self, frames: Tensor, faces: Detections) -> Tensor:
        """See `EmotionClassifier.classify`."""
        size = self.settings.classification_batch_size
        places = list(zip(faces.frames.tolist(), faces.boxes.tolist(), strict=True))
        batches = [_cpu(0, len(EMOTIONS))]
        for first in range(0, len(places), size):
            crops = [
                square_crop(frames[frame], box, self.settings.crop_scale, self.color.input_size)
                for frame, box in places[first : first + size]
            ]
            batches.append(self._classify(torch.cat(crops)).cpu())
        return torch.cat(batches)

    def _classify(self, crops: Tensor) -> Tensor:
        luma = torch.tensor(GRAY_WEIGHTS, dtype=crops.dtype, device=crops.device).view(1, 3, 1, 1)
        gray = resize((crops * luma).sum(dim=1, keepdim=True), self.gray.input_size, self.gray.input_size)
        return (_probabilities(self.gray, gray / 127.5 - 1) + _probabilities(self.color, crops)) / 2


def _probabilities(network: MiniXception | FaceApiExpressionNet, images: Tensor) -> Tensor:
    """Run a network on (N, C, h, w) and bring its classes into the order of `EMOTIONS`."""
    order = [network.labels.index(label) for label in EMOTIONS]
    return network(images.contiguous(memory_format=torch.channels_last))[:, order]


def resize(images: Tensor, height: int, width: int) -> Tensor:
    """Resize (N, C, H, W) with antialiased bilinear filtering; returns float32 with the values' range kept.

    On the CPU, uint8 is filtered as uint8: several times faster than the float filter.
    """
    if images.dtype == torch.uint8 and images.device.type != "cpu":
        images = images.float()
    return F.interpolate(images, size=(height, width), mode="bilinear", antialias=True).float()


def square_crop(frame: Tensor, box: list[float], scale: float, size: int) -> Tensor:
    """Cut a square around a box out of a frame, black where it reaches beyond.

    Args:
        frame: uint8 (C, H, W).
        box: x1, y1, x2, y2 in pixels.
        scale: Side of the square in units of the longer side of the box.
        size: Side in pixels of the result.

    Returns:
        float32 (1, C, size, size), values 0–255.
    """
    height, width = frame.shape[-2:]
    side = max(1, round(max(box[2] - box[0], box[3] - box[1]) * scale))
    left, top = round((box[0] + box[2] - side) / 2), round((box[1] + box[3] - side) / 2)
    inside = frame[:, max(0, top) : max(0, top + side), max(0, left) : max(0, left + side)]
    beyond = (max(0, -left), max(0, left + side - width), max(0, -top), max(0, top + side - height))
    crop = F.pad(inside, beyond) if any(beyond) else inside
    return resize(crop.unsqueeze(0), size, size)


_networks: dict[tuple[Path, torch.device], nn.ModuleDict] = {}
_networks_lock = threading.Lock()


def load_face_networks(weights: Path, device: torch.device) -> nn.ModuleDict:
    """Load detector and classifiers once per file and device; float32, in evaluation mode.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged or holds something else.
    """
    key = (weights.resolve(), device)
    with _networks_lock:
        if key not in _networks:
            _networks[key] = _load_face_networks(weights).to(device)
        return _networks[key]


def _load_face_networks(weights: Path) -> nn.ModuleDict:
    if not weights.is_file():
        raise FileNotFoundError(f"The face networks of Facial Emotion Capture are not at {weights}.")
    # Built on the CPU in float32, whatever torch's defaults are while a caller loads a model.
    with torch.device("cpu"):
        modules = {"detector": RetinaFace(), "mini_xception": MiniXception(), "face_api": FaceApiExpressionNet()}
    networks = nn.ModuleDict(modules).float()
    try:
        tensors = {name: tensor.float() for name, tensor in load_file(weights).items()}
        networks.load_state_dict(tensors, strict=True)
    except (SafetensorError, RuntimeError) as error:
        raise ValueError(f"{weights} does not hold the face networks of Facial Emotion Capture.") from error
    return networks.requires_grad_(False).eval().to(memory_format=torch.channels_last)


def default_weights_path() -> Path:
    """Return where the face networks lie: beside this file, or in the installed package.

    Raises:
        FileNotFoundError: If they are in neither place.
    """
    here = Path(__file__).parent
    places = [here / "weights" / WEIGHTS_NAME, here / WEIGHTS_NAME]
    with contextlib.suppress(ModuleNotFoundError):
        places.append(Path(str(resources.files("emotion_qwen.processing") / "weights" / WEIGHTS_NAME)))
    for place in places:
        if place.is_file():
            return place
    raise FileNotFoundError(
        f"The face networks of Facial Emotion Capture ({WEIGHTS_NAME}) were not found in {here}; "
        "pass their path as `weights`."
    )


def embedded_backend(
    settings: FacialEmotionCaptureSettings, weights: Path | None, device: torch.device
) -> FaceBackend:
    """Build the embedded backend from a weights file (None: the package's own) for frames on a device."""
    networks = load_face_networks(weights or default_weights_path(), device)
    return FaceBackend(
        EmbeddedFaceDetector(networks["detector"], settings),
        EmbeddedEmotionClassifier(networks["mini_xception"], networks["face_api"], settings),
    )


BackendBuilder = Callable[[FacialEmotionCaptureSettings, Path | None, torch.device], FaceBackend]
BACKENDS: dict[str, BackendBuilder] = {"embedded": embedded_backend}


def find_backend(name: str) -> BackendBuilder:
    """Look up what builds a backend.

    Raises:
        ValueError: If there is no backend of this name.
    """
    if name not in BACKENDS:
        raise ValueError(f"Unknown Facial Emotion Capture backend {name!r}; known are {', '.join(sorted(BACKENDS))}.")
    return BACKENDS[name]
