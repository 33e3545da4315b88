"""The paper's backend of Facial Emotion Capture: DeepFace's own detectors, face alignment and emotion network.

What `DeepFace.analyze` (https://github.com/serengil/deepface) does picture by picture is done here clip by clip:
frames go through the detector in batches where the detector takes batches, and all faces through the emotion network
in batches. With `deepface_border` 0.5, the black border that `analyze` puts around a picture before it looks for
faces, boxes and probabilities are those of `analyze`. Without it, the default, the detector sees a quarter of the
pixels, and boxes differ by a few pixels.

deepface works on numpy arrays: frames on an accelerator are copied to the CPU.
"""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .deepface_models import import_deepface, load_detector, load_emotion_model
from .face_capture import EMOTIONS
from .face_detections import Detections, EmotionClassifier, FaceBackend, FaceDetector
from .facial_emotion_capture_settings import FacialEmotionCaptureSettings

_INPUT_SIZE = 224
"""Side of the square that `DeepFace.analyze` fits every face into before any of its networks."""

_ALIGNMENT_BORDER = 0.5
"""Share of height and width by which deepface lets a box reach beyond the picture."""

_BOX_EYES = (0.3 + 0.4j, 0.7 + 0.4j)
"""Where a face has its eyes in its box, x + yj in units of the sides, if the detector reports only the box."""

_FACE_TEMPLATE = (38.2946 + 51.6963j, 73.5318 + 51.5014j, 56.0252 + 71.7366j, 41.5493 + 92.3655j, 70.7299 + 92.2041j)
"""Mean eyes, nose and mouth corners, x + yj, of ArcFace's alignment (https://arxiv.org/abs/1801.07698)."""

_in_use = threading.Lock()
"""deepface's detectors keep state between calls: one thread at a time."""


class FoundFace(NamedTuple):
    """A face as a detector of deepface reports it.

    Attributes:
        box: x, y, width, height in whole pixels of the picture.
        score: The detector's confidence.
        landmarks: x + yj of as many points as are known: none, the eyes, or all five in the order of
            `Detections.landmarks`.
    """

    box: tuple[int, int, int, int]
    score: float
    landmarks: tuple[complex, ...]


class DeepFaceDetector(FaceDetector):
    """One of deepface's detectors, by name.

    Boxes and eyes are in whole pixels, as deepface gives them. Nose and mouth are the detector's own where it reports
    them (fastmtcnn, retinaface); otherwise they are placed relative to the eyes as in a mean face. Where no eyes are
    found the face is left unaligned, and the eyes are placed relative to the box.

    Args:
        name: Name of the detector.
        client: What `load_detector` returned.
        settings: `deepface_border` and `detection_batch_size` are used.
    """

    def __init__(self, name: str, client: Any, settings: FacialEmotionCaptureSettings) -> None:
        self.name = name
        self.client = client
        self.settings = settings

    def detect(self, frames: Tensor) -> Detections:
        """See `FaceDetector.detect`."""
        size = self.settings.detection_batch_size
        return Detections.cat(
            [self._detect(frames[first : first + size], first) for first in range(0, len(frames), size)]
        )

    def _detect(self, frames: Tensor, first_frame: int) -> Detections:
        height, width = frames.shape[-2:]
        border_x, border_y = int(self.settings.deepface_border * width), int(self.settings.deepface_border * height)
        with _in_use:
            pictures = self._look_at(_rgb_pictures(F.pad(frames, (border_x, border_x, border_y, border_y))))
        found = [
            (frame, placed)
            for frame, faces in enumerate(pictures, start=first_frame)
            for face in sorted(faces, key=lambda face: -face.score)
            if (placed := _place(face, border_x, border_y, width, height)) is not None
        ]
        return Detections.cat([_as_detections(frame, face) for frame, face in found])

    def _look_at(self, pictures: np.ndarray) -> list[list[FoundFace]]:
        """Return the faces of each picture; uint8 RGB (N, H, W, 3)."""
        if self.name == "fastmtcnn":
            return _detect_with_fastmtcnn(self.client.model, pictures)
        return [self._look_at_one(np.ascontiguousarray(picture[:, :, ::-1])) for picture in pictures]

    def _look_at_one(self, picture: np.ndarray) -> list[FoundFace]:
        return [_from_region(region, *self._eyes(region, picture)) for region in self.client.detect_faces(picture)]

    def _eyes(self, region: Any, picture: np.ndarray) -> tuple[Any, Any]:
        """Return the person's left and right eye; deepface looks for them itself where the detector does not."""
        eyes = region.left_eye, region.right_eye
        if None not in eyes or self.name == "opencv":
            return eyes
        left, top = max(0, region.x), max(0, region.y)
        inside = picture[top : max(0, region.y + region.h), left : max(0, region.x + region.w)]
        found = load_detector("opencv").find_eyes(inside)
        looked = [None if eye is None else (int(eye[0]) + left, int(eye[1]) + top) for eye in found]
        return tuple(own if own is not None else other for own, other in zip(eyes, looked, strict=True))


def _rgb_pictures(frames: Tensor) -> np.ndarray:
    """Turn frames (T, 3, H, W) into pictures (T, H, W, 3)."""
    return frames.permute(0, 2, 3, 1).contiguous().cpu().numpy()


def _detect_with_fastmtcnn(model: Any, pictures: np.ndarray) -> list[list[FoundFace]]:
    """Run facenet-pytorch's MTCNN on all pictures at once, and read its output as deepface's FastMtCnnClient does."""
    if min(pictures.shape[1:3]) < model.min_face_size:
        return [[] for _ in pictures]  # its pyramid would have no level
    faces: list[list[FoundFace]] = []
    for boxes, scores, points in zip(*model.detect(pictures, landmarks=True), strict=True):
        faces.append([])
        if boxes is None:
            continue
        for (left, top, right, bottom), score, landmarks in zip(boxes, scores, points, strict=True):
            box = (int(left), int(top), int(right - left), int(bottom - top))
            eyes = tuple(complex(int(x), int(y)) for x, y in landmarks[:2])
            rest = tuple(complex(x, y) for x, y in landmarks[2:])
            faces[-1].append(FoundFace(box, float(score), eyes + rest))
    return faces


def _from_region(region: Any, left_eye: Any, right_eye: Any) -> FoundFace:
    """Read deepface's FacialAreaRegion; its left is the person's left, ours the image's."""
    box = (int(region.x), int(region.y), int(region.w), int(region.h))
    points = [right_eye, left_eye, region.nose, region.mouth_right, region.mouth_left]
    known = [None if point is None else complex(int(point[0]), int(point[1])) for point in points]
    count = 5 if None not in known else 2 if None not in known[:2] else 0
    return FoundFace(box, float(region.confidence or 0.0), tuple(known[:count]))


def _place(face: FoundFace, border_x: int, border_y: int, width: int, height: int) -> FoundFace | None:
    """Bring a face from the bordered picture into the frame; None if deepface could not cut it out."""
    far_x, far_y = int(_ALIGNMENT_BORDER * width), int(_ALIGNMENT_BORDER * height)
    left, top, w, h = face.box
    x, y = max(-far_x, left - border_x), max(-far_y, top - border_y)
    w, h = min(width + far_x, left - border_x + w) - x, min(height + far_y, top - border_y + h) - y
    if min(w, h) < 2 or min(w, h) * _INPUT_SIZE < max(w, h):
        return None
    landmarks = tuple(point - complex(border_x, border_y) for point in face.landmarks)
    return FoundFace((x, y, w, h), min(1.0, max(0.0, face.score)), complete_landmarks((x, y, w, h), landmarks))


def complete_landmarks(box: Sequence[int], landmarks: Sequence[complex]) -> tuple[complex, ...]:
    """Return five landmarks: those that are known, the others where a mean face has them.

    Args:
        box: x, y, width, height in pixels.
        landmarks: x + yj of no point, of the eyes, or of all five points; the image's left one first.
    """
    if len(landmarks) == 5:
        return tuple(landmarks)
    x, y, w, h = box
    left, right = landmarks or (complex(x + w * eye.real, y + h * eye.imag) for eye in _BOX_EYES)
    # The similarity that brings the template's eyes to these: complex numbers turn and scale by a product.
    turn = (right - left) / (_FACE_TEMPLATE[1] - _FACE_TEMPLATE[0])
    return (left, right, *(left + (point - _FACE_TEMPLATE[0]) * turn for point in _FACE_TEMPLATE[2:]))


def _as_detections(frame: int, face: FoundFace) -> Detections:
    x, y, w, h = face.box
    points = [[point.real, point.imag] for point in face.landmarks]
    with torch.device("cpu"):
        return Detections(
            frames=torch.tensor([frame]),
            boxes=torch.tensor([[x, y, x + w, y + h]], dtype=torch.float32),
            scores=torch.tensor([face.score], dtype=torch.float32),
            landmarks=torch.tensor([points], dtype=torch.float32),
        )


class DeepFaceEmotionClassifier(EmotionClassifier):
    """deepface's emotion network on eye-aligned faces, all faces of a clip in batches.

    Args:
        client: What `load_emotion_model` returned.
        settings: `classification_batch_size` is used.
    """

    def __init__(self, client: Any, settings: FacialEmotionCaptureSettings) -> None:
        self.client = client
        self.settings = settings

    def classify(self, frames: Tensor, faces: Detections) -> Tensor:
        """See `EmotionClassifier.classify`; the faces' boxes and eyes must be in whole pixels."""
        size = self.settings.classification_batch_size
        places = list(zip(faces.frames.tolist(), faces.boxes.tolist(), faces.landmarks.tolist(), strict=True))
        batches = [np.zeros((0, len(EMOTIONS)), np.float32)]
        for first in range(0, len(places), size):
            inputs = [
                aligned_face(frames[frame].permute(1, 2, 0).cpu().numpy(), box, landmarks)
                for frame, box, landmarks in places[first : first + size]
            ]
            # A batch of one comes back without its batch dimension.
            batches.append(np.reshape(self.client.predict(np.concatenate(inputs)), (-1, len(EMOTIONS))))
        probabilities = np.concatenate(batches)
        probabilities = probabilities / probabilities.sum(axis=1, keepdims=True)
        return torch.from_numpy(probabilities.astype(np.float32))


def aligned_face(picture: np.ndarray, box: Sequence[float], landmarks: Sequence[Sequence[float]]) -> np.ndarray:
    """Cut a face out as `DeepFace.analyze` does, with deepface's own steps.

    The box and half its size around it are rotated until the eyes are level; then the box is cut out of that and
    fitted into a square, padded with black.

    Args:
        picture: uint8 RGB (H, W, 3).
        box: x1, y1, x2, y2 in whole pixels; may reach beyond the picture.
        landmarks: x, y of five points, of which the eyes, the image's left one first, are used.

    Returns:
        float32 BGR (1, 224, 224, 3), values 0 to 1: what the emotion network's `predict` takes.
    """
    library = import_deepface()
    x, y, w, h = int(box[0]), int(box[1]), int(box[2] - box[0]), int(box[3] - box[1])
    surroundings, left, top = library.detection.extract_sub_image(picture, (x, y, w, h))
    bgr = np.ascontiguousarray(surroundings[:, :, ::-1])
    turned, angle = library.detection.align_img_wrt_eyes(bgr, left_eye=landmarks[1], right_eye=landmarks[0])
    x1, y1, x2, y2 = library.detection.project_facial_area((left, top, left + w, top + h), angle, bgr.shape[:2])
    face = turned[int(y1) : int(y2), int(x1) : int(x2)]
    # As in deepface, which leaves an all-black face unscaled.
    face = face / 255 if face.max() > 1 else face
    return library.preprocessing.resize_image(face, (_INPUT_SIZE, _INPUT_SIZE))


def deepface_backend(
    settings: FacialEmotionCaptureSettings, weights: Path | None, device: torch.device
) -> FaceBackend:
    """Build the deepface backend.

    Args:
        settings: `deepface_detector` names the detector.
        weights: Not used: deepface's weights have places of their own; see `load_emotion_model`.
        device: Not used: deepface chooses where its networks run.

    Raises:
        ImportError: If deepface is not installed.
        FileNotFoundError: If the emotion weights are missing and can't be downloaded.
        ValueError: If the detector can't be loaded.
    """
    detector = DeepFaceDetector(settings.deepface_detector, load_detector(settings.deepface_detector), settings)
    return FaceBackend(detector, DeepFaceEmotionClassifier(load_emotion_model(), settings))
