"""The result of Facial Emotion Capture as a plain value: no pixels, no tensors, exactly storable as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""The seven classes in DeepFace's order, which every backend's probabilities follow."""

Box = tuple[float, float, float, float]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Face:
    """One face in one frame.

    Attributes:
        box: x1, y1, x2, y2 in pixels of the frame, inside the frame.
        landmarks: x, y in pixels of the eyes, the nose and the mouth corners, the image's left one first.
        score: The detector's confidence, 0 to 1.
        probabilities: One probability per label, smoothed along the face's track; they sum to 1.
        track: Number of the track (the person, as far as places and colours tell) that this face belongs to.
    """

    box: Box
    landmarks: tuple[Point, ...]
    score: float
    probabilities: tuple[float, ...]
    track: int

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Face":
        """Read what `FaceCapture.to_dict` wrote."""
        return cls(
            box=tuple(data["box"]),
            landmarks=tuple(tuple(point) for point in data["landmarks"]),
            score=data["score"],
            probabilities=tuple(data["probabilities"]),
            track=data["track"],
        )


@dataclass(frozen=True, slots=True)
class KeyFrame:
    """A frame that shows an emotion at its height.

    Attributes:
        frame: Index of the frame in the clip that was captured.
        time: Seconds, or None if the clip came without times.
        label: The emotion that the frame was chosen for.
        confidence: Probability of the label times the detector's confidence, 0 to 1.
        boxes: Boxes of all faces of the frame; the face that shows the emotion comes first.
        tracks: Track of each of these boxes: who is shown in the frame, and first, for whom it was chosen.
    """

    frame: int
    time: float | None
    label: str
    confidence: float
    boxes: tuple[Box, ...]
    tracks: tuple[int, ...]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "KeyFrame":
        """Read what `FaceCapture.to_dict` wrote."""
        return cls(
            frame=data["frame"],
            time=data["time"],
            label=data["label"],
            confidence=data["confidence"],
            boxes=tuple(tuple(box) for box in data["boxes"]),
            tracks=tuple(data["tracks"]),
        )


@dataclass(frozen=True, slots=True)
class FaceCapture:
    """All faces of a clip, their emotions over time, and the frames that show them best.

    Attributes:
        frame_size: Height and width in pixels of the frames that were captured.
        fps: Frames per second of these frames, if known.
        timestamps: Seconds of each frame, or None if unknown.
        faces: For each frame its faces, the most confident detection first.
        key_frames: Chosen frames in the order of time; empty if the clip has no face.
        labels: The emotions that `Face.probabilities` refers to, in their order.
    """

    frame_size: tuple[int, int]
    fps: float | None
    timestamps: tuple[float, ...] | None
    faces: tuple[tuple[Face, ...], ...]
    key_frames: tuple[KeyFrame, ...]
    labels: tuple[str, ...] = EMOTIONS

    @property
    def num_frames(self) -> int:
        """Number of frames that were captured."""
        return len(self.faces)

    @property
    def has_faces(self) -> bool:
        """Whether any frame has a face."""
        return any(self.faces)

    @property
    def tracks(self) -> dict[int, tuple[int, ...]]:
        """For each track the indices of the frames in which it is seen."""
        frames: dict[int, list[int]] = {}
        for index, faces in enumerate(self.faces):
            for face in faces:
                frames.setdefault(face.track, []).append(index)
        return {track: tuple(indices) for track, indices in sorted(frames.items())}

    def timeline(self, track: int | None = None) -> tuple[tuple[float, ...], ...]:
        """Tell how strongly each emotion is seen in each frame.

        Args:
            track: The track whose probabilities are returned. Without it, a frame's value for a label is the highest
                probability times detector's confidence among its faces.

        Returns:
            For each frame one value (0 to 1) per label; zeros where no face (or not this track) is seen.
        """
        if track is None:
            return tuple(frame_scores(faces, len(self.labels)) for faces in self.faces)
        absent = (0.0,) * len(self.labels)
        return tuple(
            next((face.probabilities for face in faces if face.track == track), absent) for faces in self.faces
        )

    def timelines(self) -> dict[int, tuple[tuple[float, ...], ...]]:
        """Tell for each track how strongly each emotion is seen in each frame; see `timeline`."""
        return {track: self.timeline(track) for track in self.tracks}

    def key_frames_of(self, track: int) -> tuple[KeyFrame, ...]:
        """Return the key frames that were chosen for one track, in the order of time."""
        return tuple(key_frame for key_frame in self.key_frames if key_frame.tracks[:1] == (track,))

    def dominant(self) -> tuple[str, float] | None:
        """Return the label and confidence of the most confident key frame, or None if the clip has no face.

        A key frame of another emotion is preferred to a neutral one: a clip is seldom about the pauses in it.
        """
        if not self.key_frames:
            return None
        best = max(self.key_frames, key=lambda key_frame: (key_frame.label != "neutral", key_frame.confidence))
        return best.label, best.confidence

    def to_dict(self) -> dict[str, Any]:
        """Return nested dicts, lists, numbers and strings that JSON keeps exactly; see `from_dict`."""
        return with_lists(asdict(self))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "FaceCapture":
        """Read what `to_dict` returned, also after a trip through JSON.

        Raises:
            ValueError: If something is missing.
        """
        try:
            timestamps = data["timestamps"]
            return cls(
                frame_size=tuple(data["frame_size"]),
                fps=data["fps"],
                timestamps=None if timestamps is None else tuple(timestamps),
                faces=tuple(tuple(Face.from_dict(face) for face in faces) for faces in data["faces"]),
                key_frames=tuple(KeyFrame.from_dict(key_frame) for key_frame in data["key_frames"]),
                labels=tuple(data["labels"]),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"This is not a stored FaceCapture: {error!r} while reading it.") from error


def frame_scores(faces: tuple[Face, ...], num_labels: int) -> tuple[float, ...]:
    """Score each label of a frame: the highest probability × detector's confidence among its faces, or zeros."""
    return tuple(
        max((face.probabilities[label] * face.score for face in faces), default=0.0) for label in range(num_labels)
    )


def scores_by_track(faces: Sequence[Sequence[Face]], num_labels: int) -> dict[int, tuple[tuple[float, ...], ...]]:
    """Score each label of each person in each frame: probability × detector's confidence; zeros where out of sight.

    Args:
        faces: For each frame its faces.
        num_labels: Number of labels.

    Returns:
        For each track, in rising order, one row of scores per frame.
    """
    absent = (0.0,) * num_labels
    scores: dict[int, list[tuple[float, ...]]] = {
        track: [absent] * len(faces) for track in sorted({face.track for group in faces for face in group})
    }
    for frame, group in enumerate(faces):
        for face in group:
            scores[face.track][frame] = tuple(value * face.score for value in face.probabilities)
    return {track: tuple(rows) for track, rows in scores.items()}


def with_lists(value: Any) -> Any:
    """Turn tuples into lists, all the way down, so that a dict equals its own JSON round trip."""
    if isinstance(value, dict):
        return {key: with_lists(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [with_lists(item) for item in value]
    return value
