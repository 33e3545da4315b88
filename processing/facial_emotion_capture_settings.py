"""All knobs of Facial Emotion Capture, validated."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

DEEPFACE_DETECTORS = (
    "centerface",
    "dlib",
    "fastmtcnn",
    "mediapipe",
    "mtcnn",
    "opencv",
    "retinaface",
    "ssd",
    "yolov8n",
    "yolov8m",
    "yolov8l",
    "yolov11n",
    "yolov11s",
    "yolov11m",
    "yolov11l",
    "yolov12n",
    "yolov12s",
    "yolov12m",
    "yolov12l",
    "yunet",
)
"""deepface's detectors, by its own names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FacialEmotionCaptureSettings:
    """Knobs of Facial Emotion Capture; a processor stores them in its JSON.

    Attributes:
        detection_size: Longest side in pixels of the copy that the detector sees; the aspect ratio is kept. A larger
            one finds smaller faces and takes longer.
        detection_threshold: Detector's confidence from which a box is a face, 0 to 1.
        detection_overlap: Boxes that overlap a more confident one by more than this IoU are dropped, 0 to 1.
        group_detection_size: As `detection_size`, for a second look at clips with small faces; it has no effect unless
            it is larger. See `group_shots`.
        small_face_height: Height, in pixels of the copy that the detector sees first, below which a face hints at a
            group shot; 0 for no second look at clips in which something was found.
        small_face_score: Detector's confidence from which a small box counts as such a hint, 0 to 1.
        detection_batch_size: Frames that the detector sees at once.
        still_frame_change: A frame takes over the faces of the last frame that the detector looked at if no pixel of
            their thumbnails (28×28) differs by more than this, 0 to 255; with 0 it looks at every frame.
        min_face_height: Height of the smallest face to keep, as a share of the frame's height, 0 to 1.
        crop_scale: Side of the square crop for the classifiers, in units of the longer side of the box. On rendered
            heads, tighter than 0.85 and wider than 1 name fewer expressions.
        classification_batch_size: Faces that the classifiers see at once.
        emotion_calibration: How much of the embedded classifiers' calibration is applied, 0 (their plain mean) to 1.
            It was fitted on rendered faces; see `emotion_calibration`.
        scene_cut_threshold: A frame begins a new shot if it differs from the one before by more than this both in
            colours and in layout, 0 to 1; with 1 there are no cuts. See `scene_cuts`.
        track_similarity: Nearness to a track's predicted place × likeness of the face's colours from which a face
            continues the track, 0 to 1. See `face_tracking`.
        track_max_gap: A track ends after this many frames without its face.
        track_reidentification: Likeness of the face's colours from which a face takes up a track that ended earlier,
            0 to 1; with 1 whoever comes back gets a new track.
        smoothing_window: Number of neighbouring faces on a track, itself included, that a face's probabilities are
            the mean of; odd, 1 for none.
        max_key_frames: Largest number of key frames per clip, whoever they show.
        key_frame_threshold: Score (probability × detector's confidence) from which a person's peak in an emotion may
            become a key frame, 0 to 1.
        key_frame_min_gap: Smallest distance in frames between two key frames.
        key_frame_base: Where a peak ends, as a share of its greatest score, 0 to 1: the key frame is the centre of
            the part above. With 1 it is the frame of the greatest score. See `key_frames`.
        neutral_weight: Factor on the score of neutral before peaks are compared and ranked.
        mask_margin: Share of a box's width and height that is kept around it on each side.
        mask_fade: How far the rest is blended to white: 0 leaves it, 1 makes it white.
        deepface_detector: Which of deepface's detectors the deepface backend uses. "fastmtcnn" comes with its weights.
        deepface_border: Black border around the frame that this detector sees, as a share of the frame's height and
            width, 0 to 1. 0.5 gives exactly the boxes of `DeepFace.analyze`, for four times the pixels.

    Raises:
        ValueError: If a value is out of its range.
    """

    detection_size: int = 224
    detection_threshold: float = 0.7
    detection_overlap: float = 0.4
    group_detection_size: int = 448
    small_face_height: int = 20
    small_face_score: float = 0.1
    detection_batch_size: int = 16
    still_frame_change: float = 4.0
    min_face_height: float = 0.06
    crop_scale: float = 0.9
    classification_batch_size: int = 8
    emotion_calibration: float = 1.0
    scene_cut_threshold: float = 0.35
    track_similarity: float = 0.15
    track_max_gap: int = 6
    track_reidentification: float = 0.75
    smoothing_window: int = 3
    max_key_frames: int = 4
    key_frame_threshold: float = 0.45
    key_frame_min_gap: int = 1
    key_frame_base: float = 0.8
    neutral_weight: float = 0.4
    mask_margin: float = 0.12
    mask_fade: float = 0.85
    deepface_detector: str = "fastmtcnn"
    deepface_border: float = 0.0

    def __post_init__(self) -> None:
        for name in ("detection_size", "group_detection_size"):
            self._require_integer(name, 32, 4096)
        self._require_integer("small_face_height", 0)
        for name in ("detection_batch_size", "classification_batch_size", "track_max_gap", "key_frame_min_gap"):
            self._require_integer(name, 1)
        self._require_integer("max_key_frames", 1)
        self._require_integer("smoothing_window", 1)
        if self.smoothing_window % 2 == 0:
            raise ValueError(f"smoothing_window must be odd, not {self.smoothing_window}.")
        for name in (
            "detection_threshold",
            "detection_overlap",
            "min_face_height",
            "small_face_score",
            "emotion_calibration",
            "scene_cut_threshold",
            "track_similarity",
            "track_reidentification",
            "key_frame_threshold",
            "key_frame_base",
            "neutral_weight",
            "mask_fade",
            "deepface_border",
        ):
            self._require_number(name, 0.0, 1.0)
        self._require_number("still_frame_change", 0.0, 255.0)
        self._require_number("crop_scale", 0.5, 4.0)
        self._require_number("mask_margin", 0.0, 4.0)
        if self.deepface_detector not in DEEPFACE_DETECTORS:
            raise ValueError(
                f"deepface_detector must be one of {', '.join(DEEPFACE_DETECTORS)}, not {self.deepface_detector!r}."
            )

    def _require_integer(self, name: str, low: int, high: float = math.inf) -> None:
        value = getattr(self, name)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            limits = f"of at least {low}" if high == math.inf else f"from {low} to {high}"
            raise ValueError(f"{name} must be a whole number {limits}, not {value!r}.")

    def _require_number(self, name: str, low: float, high: float) -> None:
        value = getattr(self, name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise ValueError(f"{name} must be a number from {low:g} to {high:g}, not {value!r}.")

    def to_dict(self) -> dict[str, Any]:
        """Return all settings as a JSON-able dict."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "FacialEmotionCaptureSettings":
        """Build settings from a dict; what is not named keeps its default.

        Raises:
            ValueError: If a name is unknown or a value is out of its range.
        """
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(data) - set(known))
        if unknown:
            raise ValueError(
                f"Unknown Facial Emotion Capture setting {', '.join(map(repr, unknown))}; "
                f"known are {', '.join(known)}."
            )
        return cls(**data)
