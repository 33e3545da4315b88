"""The backends of Facial Emotion Capture by name, and the weights of the one that needs nothing else.

"embedded" runs RetinaFace-m0.25 and the mean of two small classifiers from one file of 1.6 MB, in torch, on the device
where the frames are. "deepface" runs the extra deepface; see deepface_backend.py.
"""

import contextlib
import os
import threading
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from .deepface_backend import deepface_backend
from .embedded_emotion_classifier import EmbeddedEmotionClassifier
from .emotion_calibration import EmotionCalibration
from .emotion_networks import FaceApiExpressionNet, MiniXception
from .face_detections import FaceBackend
from .facial_emotion_capture_settings import FacialEmotionCaptureSettings
from .group_shots import GroupShotDetector
from .retinaface import RetinaFace

WEIGHTS_NAME = "face_networks.safetensors"


_networks: dict[tuple[Path, torch.device], nn.ModuleDict] = {}
_networks_lock = threading.Lock()


def _renew_lock() -> None:
    """Give a forked process a free lock: the thread that may have held it is not in there."""
    global _networks_lock
    _networks_lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


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
        modules = {
            "detector": RetinaFace(),
            "mini_xception": MiniXception(),
            "face_api": FaceApiExpressionNet(),
            "calibration": EmotionCalibration(),
        }
    networks = nn.ModuleDict(modules).float()
    try:
        tensors = {name: tensor.float() for name, tensor in load_file(weights).items()}
        if not any(name.startswith("calibration.") for name in tensors):
            # As convert_face_networks.py writes it: the classifiers' plain mean.
            tensors |= networks["calibration"].state_dict(prefix="calibration.")
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
        GroupShotDetector(networks["detector"], settings),
        EmbeddedEmotionClassifier(networks["mini_xception"], networks["face_api"], networks["calibration"], settings),
    )


BackendBuilder = Callable[[FacialEmotionCaptureSettings, Path | None, torch.device], FaceBackend]
BACKENDS: dict[str, BackendBuilder] = {"embedded": embedded_backend, "deepface": deepface_backend}


def find_backend(name: str) -> BackendBuilder:
    """Look up what builds a backend.

    Raises:
        ValueError: If there is no backend of this name.
    """
    if name not in BACKENDS:
        raise ValueError(f"Unknown Facial Emotion Capture backend {name!r}; known are {', '.join(sorted(BACKENDS))}.")
    return BACKENDS[name]
