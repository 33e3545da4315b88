"""The emotions that each data set distinguishes, as its publishers name and code them, with their Chinese names.

Training reads label files with these sets; inference and evaluation ask for and compare with the same labels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from .nearest_name import did_you_mean

Subject = Literal["person", "viewer"]
"""Whose emotion is asked for: that of the person who is seen, or that which a picture evokes."""


@dataclass(frozen=True)
class LabelSet:
    """A fixed set of emotions.

    Attributes:
        name: Its name in recipes.
        labels: At least two labels, all different and none blank, in the publishers' order and words.
        codes: For each code in the publishers' files, the label that it stands for.
        subject: Whose emotion it is.

    Raises:
        ValueError: If there are fewer than two labels, two are equal, or one is blank.
    """

    name: str
    labels: tuple[str, ...]
    codes: Mapping[str, str] = field(default_factory=dict)
    subject: Subject = "person"

    def __post_init__(self) -> None:
        if len(self.labels) < 2 or len(set(self.labels)) < len(self.labels):
            raise ValueError(f"The label set {self.name!r} needs at least two labels, each once: {self.labels}.")
        if not all(map(str.strip, self.labels)):
            raise ValueError(f"The label set {self.name!r} has a blank label: {self.labels}.")
        object.__setattr__(self, "codes", MappingProxyType(dict(self.codes)))

    def __reduce__(self) -> tuple:
        return type(self), (self.name, self.labels, dict(self.codes), self.subject)

    def parse(self, written: str | int) -> str:
        """Read a label as a file writes it: the label itself in any case, or its code.

        Args:
            written: Such as "Happy", "1" or "NEU".

        Raises:
            ValueError: If it is neither.
        """
        text = str(written).strip()
        known = {label.lower(): label for label in self.labels} | {
            code.lower(): label for code, label in self.codes.items()
        }
        if text.lower() not in known:
            raise ValueError(f"{text!r} is no label of {self.name}; it has {', '.join(self.labels)}.")
        return known[text.lower()]


def _numbered(labels: Sequence[str], first: int, width: int = 1) -> dict[str, str]:
    return {f"{number:0{width}d}": label for number, label in enumerate(labels, first)}


_DFEW = ("happy", "sad", "neutral", "angry", "surprise", "disgust", "fear")
_RAF_DB = ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral")
_RAVDESS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
_EMOSET = ("amusement", "awe", "contentment", "excitement", "anger", "disgust", "fear", "sadness")
_CREMA_D = ("anger", "disgust", "fear", "happy", "neutral", "sad")
_MAFW = (
    "anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise",
    "contempt", "anxiety", "helplessness", "disappointment",
)  # fmt: skip

LABEL_SETS: Mapping[str, LabelSet] = {
    label_set.name: label_set
    for label_set in (
        LabelSet("basic", ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")),
        LabelSet("dfew", _DFEW, _numbered(_DFEW, 1)),
        LabelSet("mafw", _MAFW),
        LabelSet("mer2024", ("neutral", "angry", "happy", "sad", "worried", "surprise")),
        LabelSet("emoset", _EMOSET, _numbered(_EMOSET, 0), "viewer"),
        LabelSet("raf_db", _RAF_DB, _numbered(_RAF_DB, 1)),
        LabelSet("crema_d", _CREMA_D, {label[:3].upper(): label for label in _CREMA_D}),
        LabelSet("ravdess", _RAVDESS, _numbered(_RAVDESS, 1, width=2)),
        LabelSet("meld", ("neutral", "surprise", "fear", "sadness", "joy", "disgust", "anger")),
    )
}
"""Label sets by name. "basic" are the seven emotions of Facial Emotion Capture, in its class order."""

CHINESE_NAMES: Mapping[str, str] = {
    "angry": "愤怒",
    "anger": "愤怒",
    "disgust": "厌恶",
    "fear": "恐惧",
    "fearful": "恐惧",
    "happy": "高兴",
    "happiness": "高兴",
    "joy": "喜悦",
    "sad": "悲伤",
    "sadness": "悲伤",
    "surprise": "惊讶",
    "surprised": "惊讶",
    "neutral": "中性",
    "calm": "平静",
    "worried": "担忧",
    "anxiety": "焦虑",
    "contempt": "轻蔑",
    "helplessness": "无助",
    "disappointment": "失望",
    "amusement": "逗趣",
    "awe": "敬畏",
    "contentment": "满足",
    "excitement": "兴奋",
}
"""Labels in Chinese. Within a set no two names are the same."""


def as_label_set(labels: "LabelSet | str | Sequence[str]") -> LabelSet:
    """Return a label set that is given as such, by name, or as its labels.

    Args:
        labels: A set, the name of a known one, or labels: a sequence, or a string with commas between. The labels of a
            known set, in its order, give that set, so that the question about them is the one used in training.

    Raises:
        ValueError: If there is no set of that name, or the labels are fewer than two or not all different.
    """
    if isinstance(labels, LabelSet):
        return labels
    if isinstance(labels, str) and "," not in labels:
        return find_label_set(labels)
    if isinstance(labels, str):
        labels = [label.strip() for label in labels.split(",") if label.strip()]
    given = tuple(labels)
    known = (label_set for label_set in LABEL_SETS.values() if label_set.labels == given)
    return next(known, None) or LabelSet("given", given)


def find_label_set(name: str) -> LabelSet:
    """Return a label set by name.

    Raises:
        ValueError: If there is none; the message names the nearest one.
    """
    if name in LABEL_SETS:
        return LABEL_SETS[name]
    raise ValueError(
        f"There is no label set {name!r}; known are {', '.join(LABEL_SETS)}.{did_you_mean(name, LABEL_SETS)}"
    )
