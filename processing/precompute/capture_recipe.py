"""All that decides which faces are found in a picture or clip; results of the same recipe are interchangeable."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from ..deepface_models import find_emotion_weights
from ..face_backends import default_weights_path
from ..facial_emotion_capture import FEC_VERSION
from ..image_processing_emotion_qwen import EmotionQwenImageProcessor
from ..media_kind import MediaKind
from ..video_processing_emotion_qwen import EmotionQwenVideoProcessor
from .content_hash import content_hash

KINDS: tuple[MediaKind, ...] = get_args(MediaKind)

_SAMPLING = ("do_sample_frames", "fps", "num_frames", "min_frames", "max_frames", "temporal_patch_size")
_MASKING = ("mask_margin", "mask_fade")
"""Settings that apply to stored faces later, when frames are masked, and do not change them."""
_EMOTION_WEIGHTS = "emotion_weights"
"""The SHA-256 of DeepFace's emotion network; None where it is not known."""


@dataclass(frozen=True)
class CaptureRecipe:
    """How faces are captured in media of one kind.

    Attributes:
        kind: "image" or "video".
        settings: JSON-able: the version of Facial Emotion Capture, its settings, the SHA-256 of the embedded networks
            or of DeepFace's emotion network, and for clips how frames are sampled and decoded.
    """

    kind: MediaKind
    settings: Mapping[str, Any]

    @classmethod
    def of(cls, processor: EmotionQwenImageProcessor | EmotionQwenVideoProcessor) -> "CaptureRecipe":
        """Read the recipe from an image or a video processor.

        Raises:
            FileNotFoundError: If the face networks are missing.
            ValueError: If a setting of Facial Emotion Capture is not valid.
        """
        fec = processor.face_capturer()
        settings = {"fec_version": FEC_VERSION, "backend": fec.backend, **fec.settings.to_dict()}
        for name in _MASKING:
            del settings[name]
        if fec.backend == "embedded":
            settings["face_networks"] = content_hash(fec.weights or default_weights_path())
        if fec.backend == "deepface":
            weights = find_emotion_weights()
            settings[_EMOTION_WEIGHTS] = None if weights is None else content_hash(weights)
        if isinstance(processor, EmotionQwenImageProcessor):
            return cls("image", settings)
        settings |= {name: getattr(processor, name) for name in _SAMPLING}
        # Longer clips are scaled down while decoding to stay within these.
        settings |= {"max_decoded_bytes": processor.max_decoded_bytes, "longest_edge": processor.size["longest_edge"]}
        return cls("video", settings)

    @property
    def name(self) -> str:
        """Name of the folder of this recipe's results: the kind and a hash of the settings."""
        text = json.dumps(self.settings, sort_keys=True)
        return f"{self.kind}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"

    def write(self, path: Path) -> None:
        """Write the recipe as JSON."""
        content = {"kind": self.kind, "settings": dict(self.settings)}
        path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "CaptureRecipe":
        """Read what `write` wrote.

        Raises:
            ValueError: If the file holds something else.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            return cls(content["kind"], content["settings"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"'{path}' does not describe stored faces: {error!r}.") from error

    def fits(self, wanted: "CaptureRecipe") -> bool:
        """Tell whether results of this recipe may be used where those of another one of the same kind are wanted.

        A machine that only uses stored faces need not have DeepFace: where its weights are not known, any will do.
        """
        known = dict(self.settings)
        if _EMOTION_WEIGHTS in wanted.settings and wanted.settings[_EMOTION_WEIGHTS] is None:
            known[_EMOTION_WEIGHTS] = None
        return known == wanted.settings

    def differences(self, wanted: "CaptureRecipe") -> str:
        """Name what is different in another recipe, as `fps 2 (wanted: 3), …`."""
        found = []
        for name in sorted(set(self.settings) | set(wanted.settings)):
            own, other = self.settings.get(name, "absent"), wanted.settings.get(name, "absent")
            if own != other:
                found.append(f"{name} {_short(own)} (wanted: {_short(other)})")
        return ", ".join(found)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 20 else f"{text[:8]}…"
