"""The result of an analysis: a value that can be stored as JSON and read back."""

from dataclasses import asdict, dataclass
from typing import Any

from emotion_qwen.processing.face_capture import KeyFrame, with_lists


@dataclass(frozen=True)
class Gate:
    """How much of the visual tokens came from each expert: mean gate weights g and 1 - g of Eq. 4, summing to 1."""

    emotion: float
    general: float


@dataclass(frozen=True)
class TimelinePoint:
    """The face networks' reading of one sampled frame.

    Attributes:
        time: Seconds from the start of the clip.
        probabilities: Score per emotion, 0 to 1: the highest probability × detector's confidence among the faces; all
            zero if the frame shows no face. They need not sum to 1.
    """

    time: float
    probabilities: dict[str, float]


@dataclass(frozen=True)
class EmotionAnalysis:
    """A model's answer about the emotion in a clip or a still, and the evidence for it.

    Attributes:
        label: Most likely label.
        probabilities: Probability per label from the model's own likelihoods, in label-set order, summing to 1.
        text: The generated answer to `question`.
        key_frames: Frames that Facial Emotion Capture chose as evidence, in time order, each with its time in
            seconds, emotion, confidence and face boxes; empty without a face or with Facial Emotion Capture off.
        gate: Mean gate weights over the visual tokens; `None` for a projector without a gate.
        timeline: Reading of every sampled frame; empty with Facial Emotion Capture off.
        language: Language of the questions, `"en"` or `"zh"`.
        question: The question that `text` answers.
        frame_size: (width, height) of the decoded frames in pixels, which the boxes refer to.
        adapter: Name of the adapter that gave `text`; None for the model alone.
    """

    label: str
    probabilities: dict[str, float]
    text: str
    key_frames: tuple[KeyFrame, ...]
    gate: Gate | None
    timeline: tuple[TimelinePoint, ...]
    language: str
    question: str
    frame_size: tuple[int, int]
    adapter: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain dicts, lists, strings and numbers, which JSON keeps exactly; see `from_dict`."""
        return with_lists(asdict(self))

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "EmotionAnalysis":
        """Rebuild the analysis that `to_dict` described.

        Args:
            values: What `to_dict` returned, before or after JSON.

        Returns:
            An analysis equal to the original.

        Raises:
            ValueError: If a field is missing or unknown.
        """
        try:
            built = {
                "key_frames": tuple(KeyFrame.from_dict(frame) for frame in values["key_frames"]),
                "gate": None if values["gate"] is None else Gate(**values["gate"]),
                "timeline": tuple(TimelinePoint(**point) for point in values["timeline"]),
                "frame_size": tuple(values["frame_size"]),
            }
            return cls(**{**values, **built})
        except (KeyError, TypeError) as error:
            raise ValueError(f"This is not a stored EmotionAnalysis: {error!r} while reading it.") from error
