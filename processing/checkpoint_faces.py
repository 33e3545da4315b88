"""What a checkpoint holds for Facial Emotion Capture: settings in its processor's JSON, networks beside it."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from transformers.utils import cached_file, logging

from .face_backends import WEIGHTS_NAME
from .facial_emotion_capture import FacialEmotionCapture
from .facial_emotion_capture_settings import FacialEmotionCaptureSettings

logger = logging.get_logger(__name__)

FACE_NETWORKS_KEY = "face_networks_path"
"""Setting of a processor: the path of its face networks on this machine."""

_HUB_OPTIONS = ("cache_dir", "force_download", "proxies", "token", "local_files_only", "revision", "subfolder")


def find_face_networks(name_or_path: str | Path, **kwargs: Any) -> str | None:
    """Find the face networks' weights beside a checkpoint.

    Args:
        name_or_path: Folder, file in a folder, or Hub id that a processor is loaded from.
        **kwargs: Arguments of the processor's `from_pretrained`.

    Returns:
        Path of the weights, or None if the checkpoint carries none: then the package's own are used.
    """
    if Path(name_or_path).is_file():
        name_or_path = Path(name_or_path).parent
    options = {key: kwargs[key] for key in _HUB_OPTIONS if kwargs.get(key) is not None}
    return cached_file(
        str(name_or_path),
        WEIGHTS_NAME,
        **options,
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
        _raise_exceptions_for_gated_repo=False,
    )


def settings_of_checkpoint(
    settings: Mapping[str, Any], unused: Mapping[str, Any], name_or_path: str | Path, **kwargs: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Complete the settings read from a checkpoint by all that belongs to Facial Emotion Capture.

    Settings that this release does not know, as checkpoints of other releases may have, are left out with a warning.
    The caller's `fec_config` overrides the checkpoint's.

    Args:
        settings: The image or video processor's settings in the checkpoint's JSON.
        unused: The caller's arguments that remain after reading the JSON, to be set on the processor later.
        name_or_path: Folder or Hub id that the settings were read from.
        **kwargs: Arguments of the processor's `from_pretrained`.

    Returns:
        The completed settings, and `unused` without `fec_config`.

    Raises:
        ValueError: If a setting of the checkpoint is out of its range, or its backend is unknown.
    """
    stored = dict(settings.get("fec_config") or {})
    known = {"backend", *(field.name for field in fields(FacialEmotionCaptureSettings))}
    unknown = sorted(set(stored) - known)
    if unknown:
        logger.warning(
            f"'{name_or_path}' has settings of Facial Emotion Capture that this release does not know: "
            f"{', '.join(unknown)}. They are left out."
        )
    asked = unused.get("fec_config") or {}
    stored = {name: value for name, value in stored.items() if name in known and name not in asked}
    try:
        FacialEmotionCapture(**stored)
    except ValueError as error:
        raise ValueError(f"'{name_or_path}' can't be used for Facial Emotion Capture: {error}") from error
    networks = find_face_networks(name_or_path, **kwargs)
    settings = {**settings, "fec_config": {**stored, **asked}, FACE_NETWORKS_KEY: networks}
    return settings, {name: value for name, value in unused.items() if name != "fec_config"}
