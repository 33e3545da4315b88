"""DeepFace's own models, loaded once per process: its detectors by name, and its emotion network.

deepface is an extra, imported on first use only.
"""

import contextlib
import importlib
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

INSTALL_HINT = "pip install 'emotion-qwen[deepface]'"
WEIGHTS_STEM = "facial_expression_model_weights"
WEIGHTS_SUFFIXES = {"pytorch": ".pth", "onnx": ".onnx", "tensorflow": ".h5"}
"""What each engine of deepface reads the emotion network's weights from."""


class DeepFaceLibrary(NamedTuple):
    """The modules of deepface that are used here."""

    engines: ModuleType
    folders: ModuleType
    detection: ModuleType
    modeling: ModuleType
    preprocessing: ModuleType


def import_deepface() -> DeepFaceLibrary:
    """Import deepface.

    Raises:
        ImportError: If it, or a package that it needs, is not installed; the message says what to install.
    """
    # Inside `try`, so that a Hub folder that carries this file does not ask for deepface.
    try:
        import deepface.DeepFace  # noqa: F401  # makes its folder, and sets TensorFlow up
        from deepface.commons import backend_utils, folder_utils
        from deepface.modules import detection, modeling, preprocessing
    except ImportError as error:
        raise ImportError(f"The deepface backend needs more packages ({INSTALL_HINT}): {error}.") from error
    return DeepFaceLibrary(backend_utils, folder_utils, detection, modeling, preprocessing)


_models: dict[tuple[Any, ...], Any] = {}
_models_lock = threading.Lock()


def _once(key: tuple[Any, ...], build: Callable[[], Any]) -> Any:
    """Build something once per key and process: a model's threads do not survive a fork."""
    key = (os.getpid(), *key)
    with _models_lock:
        if key not in _models:
            # deepface reports its downloads on stdout, where a caller's JSON may go.
            with contextlib.redirect_stdout(sys.stderr):
                _models[key] = build()
        return _models[key]


def load_detector(name: str) -> Any:
    """Return deepface's client of a detector, whose `detect_faces` takes one BGR picture.

    Args:
        name: As in `DeepFace.analyze(detector_backend=...)`.

    Raises:
        ImportError: If deepface is not installed.
        ValueError: If the detector's package or weights are missing; the message says which, and where they belong.
    """
    modeling = import_deepface().modeling

    def build() -> Any:
        try:
            return modeling.get_model_class("face_detector", name)()
        except (ValueError, ImportError) as error:
            raise ValueError(f"DeepFace's detector {name!r} can't be loaded: {error}") from error

    return _once(("detector", name), build)


def load_emotion_model() -> Any:
    """Return deepface's client of its emotion network, whose `predict` takes a batch of faces.

    The weights are looked for in `$DEEPFACE_HOME/.deepface/weights` (in the home folder where that is not set): first
    those of the engine that deepface would choose, then, unless `DEEPFACE_BACKEND_ENGINE` is set, those of any other
    engine that is installed. Only where there are none does deepface download them.

    Raises:
        ImportError: If deepface is not installed.
        FileNotFoundError: If the weights are missing and can't be downloaded; the message names file and folder.
        ValueError: If the file holds something else.
    """
    library = import_deepface()
    engine, weights = _find_weights(library)
    return _once(("emotion", engine, weights), lambda: _build_emotion_model(library, engine, weights))


def find_emotion_weights() -> Path | None:
    """Return the file that `load_emotion_model` reads; None if it is not there, or deepface is not installed."""
    try:
        library = import_deepface()
    except ImportError:
        return None
    weights = _find_weights(library)[1]
    return weights if weights.is_file() else None


def _find_weights(library: DeepFaceLibrary) -> tuple[str, Path]:
    """Return the engine to run on and the file that it reads, which need not exist."""
    folder = Path(library.folders.get_deepface_home()) / ".deepface" / "weights"
    own = library.engines.get_backend_engine()
    engines = [own]
    if not os.environ.get(library.engines.BACKEND_ENGINE_ENV_VAR):
        engines += [name for name in library.engines.BACKENDS if library.engines.is_backend_available(name)]
    files = {name: folder / f"{WEIGHTS_STEM}{WEIGHTS_SUFFIXES[name]}" for name in engines}
    engine = next((name for name in engines if files[name].is_file()), own)
    return engine, files[engine]


def _build_emotion_model(library: DeepFaceLibrary, engine: str, weights: Path) -> Any:
    was_there = weights.is_file()
    if not was_there:
        library.folders.initialize_folder()
    module, _, client = library.modeling.AVAILABLE_MODELS["facial_attribute"]["Emotion"][engine].rpartition(".")
    try:
        return getattr(importlib.import_module(module), client)()
    except (ValueError, RuntimeError, OSError) as error:
        if was_there:
            raise ValueError(f"{weights} does not hold DeepFace's emotion network: {error}") from error
        raise FileNotFoundError(
            f"DeepFace's emotion weights are not there and could not be downloaded: put {weights.name} into "
            f"{weights.parent}, or set DEEPFACE_HOME to the folder whose .deepface/weights has it ({error})."
        ) from error
