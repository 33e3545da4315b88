"""The seven expressions as ARKit face units: what moves, how it varies, how it grows and fades, and its words."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from emotion_qwen.inference.prompts import EMOTION_LABELS

_SIDED = frozenset(
    [
        "browDown",
        "browOuterUp",
        "cheekSquint",
        "eyeBlink",
        "eyeLookDown",
        "eyeLookIn",
        "eyeLookOut",
        "eyeLookUp",
        "eyeSquint",
        "eyeWide",
        "mouthDimple",
        "mouthFrown",
        "mouthLowerDown",
        "mouthPress",
        "mouthSmile",
        "mouthStretch",
        "mouthUpperUp",
        "noseSneer",
    ]
)
"""Units that the asset has once per side."""


class Movement(NamedTuple):
    """How one action unit takes part in an expression: its mean weight, and how often it takes part."""

    weight: float
    chance: float = 1.0


_EXPRESSIONS: dict[str, tuple[dict[str, Movement], ...]] = {
    "neutral": (
        {"mouthPress": Movement(0.12, 0.2), "browInnerUp": Movement(0.1, 0.15), "jawOpen": Movement(0.05, 0.15)},
    ),
    "happy": (
        {  # a broad smile that shows the upper teeth
            "mouthSmile": Movement(1.35),
            "cheekSquint": Movement(0.5),
            "eyeSquint": Movement(0.25, 0.6),
            "mouthUpperUp": Movement(0.85),
            "mouthLowerDown": Movement(0.55),
            "jawOpen": Movement(0.2),
            "mouthDimple": Movement(0.25, 0.6),
        },
        {  # laughing
            "mouthSmile": Movement(1.4),
            "cheekSquint": Movement(0.7),
            "eyeSquint": Movement(0.5, 0.7),
            "mouthUpperUp": Movement(0.85),
            "mouthLowerDown": Movement(0.6),
            "jawOpen": Movement(0.4),
        },
        {  # a smile with the lips closed
            "mouthSmile": Movement(1.15),
            "cheekSquint": Movement(0.45),
            "mouthDimple": Movement(0.4, 0.7),
            "mouthPress": Movement(0.2, 0.4),
        },
    ),
    "sad": (
        {
            "browInnerUp": Movement(1.2),
            "mouthFrown": Movement(1.1),
            "mouthShrugLower": Movement(0.55, 0.9),
            "browDown": Movement(0.2, 0.6),
            "eyeBlink": Movement(0.25, 0.8),
            "eyeLookDown": Movement(0.35, 0.6),
            "mouthPucker": Movement(0.15, 0.4),
        },
        {  # with the mouth a little open, as in crying
            "browInnerUp": Movement(1.3),
            "mouthFrown": Movement(1.2),
            "mouthLowerDown": Movement(0.35),
            "jawOpen": Movement(0.1),
            "cheekSquint": Movement(0.35),
            "eyeSquint": Movement(0.5),
            "eyeBlink": Movement(0.2, 0.5),
        },
    ),
    "surprise": (
        {
            "browInnerUp": Movement(1.0),
            "browOuterUp": Movement(1.0),
            "eyeWide": Movement(0.95),
            "jawOpen": Movement(0.75),
            "mouthFunnel": Movement(0.25, 0.6),
        },
        {
            "browInnerUp": Movement(1.1),
            "browOuterUp": Movement(1.1),
            "eyeWide": Movement(1.0),
            "jawOpen": Movement(0.45),
            "mouthFunnel": Movement(0.4),
        },
    ),
    "fear": (
        {
            "browInnerUp": Movement(1.2),
            "eyeWide": Movement(1.0),
            "mouthStretch": Movement(1.0),
            "browDown": Movement(0.4),
            "browOuterUp": Movement(0.4, 0.7),
            "mouthLowerDown": Movement(0.65),
            "jawOpen": Movement(0.28),
            "mouthFrown": Movement(0.25, 0.6),
        },
    ),
    "disgust": (
        {
            "noseSneer": Movement(1.5),
            "mouthUpperUp": Movement(1.1),
            "browDown": Movement(0.8),
            "cheekSquint": Movement(0.4),
            "eyeSquint": Movement(0.4),
            "mouthFrown": Movement(0.35, 0.8),
            "mouthLowerDown": Movement(0.5, 0.7),
            "jawOpen": Movement(0.12),
            "mouthShrugUpper": Movement(0.4, 0.6),
            "eyeBlink": Movement(0.3, 0.7),
        },
    ),
    "angry": (
        {  # teeth bared
            "browDown": Movement(1.8),
            "eyeWide": Movement(0.45),
            "noseSneer": Movement(0.6, 0.8),
            "mouthUpperUp": Movement(0.4),
            "mouthLowerDown": Movement(0.8),
            "mouthStretch": Movement(0.5),
            "mouthFrown": Movement(0.5),
            "jawOpen": Movement(0.2),
            "jawForward": Movement(0.4),
        },
        {  # lips pressed
            "browDown": Movement(1.8),
            "eyeWide": Movement(0.35, 0.7),
            "eyeSquint": Movement(0.3, 0.3),
            "mouthPress": Movement(0.9),
            "mouthFrown": Movement(0.5),
            "noseSneer": Movement(0.35, 0.5),
            "jawForward": Movement(0.4, 0.7),
        },
    ),
}

ACTION_UNIT_WORDS: dict[str, tuple[str, str]] = {
    "browDown": ("the brows are lowered", "眉头压低"),
    "browInnerUp": ("the inner brows are raised", "眉毛内侧抬起"),
    "browOuterUp": ("the outer brows are raised", "眉毛外侧抬起"),
    "eyeWide": ("the eyes are wide open", "眼睛睁大"),
    "eyeSquint": ("the eyes are narrowed", "眼睛眯起"),
    "eyeBlink": ("the eyelids are lowered", "眼睑下垂"),
    "noseSneer": ("the nose is wrinkled", "鼻子皱起"),
    "cheekSquint": ("the cheeks are raised", "脸颊抬起"),
    "mouthUpperUp": ("the upper lip is raised", "上唇抬起"),
    "mouthSmile": ("the lip corners are pulled up", "嘴角上扬"),
    "mouthFrown": ("the lip corners are pulled down", "嘴角下垂"),
    "mouthStretch": ("the lips are stretched sideways", "嘴唇向两侧拉伸"),
    "mouthPress": ("the lips are pressed together", "嘴唇紧闭"),
    "mouthShrugLower": ("the chin is pushed up", "下巴上顶"),
    "jawOpen": ("the mouth is open", "嘴巴张开"),
}
"""English and Chinese words for the action units that a description may name, from the brows down to the jaw."""

_SALIENCE = {
    "jawOpen": 2.2,
    "mouthPress": 1.3,
    "cheekSquint": 1.2,
    "browDown": 0.8,
    "noseSneer": 0.9,
    "mouthUpperUp": 0.8,
}
"""How much a unit of weight is seen, where that differs from 1: the units of the asset are not equally large."""
_SEEN_FROM = 0.3
"""The least weight times salience that a description names."""


@dataclass(frozen=True)
class Expression:
    """One person's way of showing one emotion.

    Attributes:
        label: One of `EMOTION_LABELS`.
        intensity: 0.6 (slight but clear) to 1.1 (strong); 0 for neutral.
        action_units: Weight at the apex by action unit, without sides, such as {"mouthSmile": 0.9}.
        face_units: Weight at the apex by ARKit name, left and right apart.
    """

    label: str
    intensity: float
    action_units: dict[str, float]
    face_units: dict[str, float]

    def at(self, level: float) -> dict[str, float]:
        """Face units at a level between 0 (not yet) and 1 (apex)."""
        return {name: weight * level for name, weight in self.face_units.items()}


def sample_expression(rng: np.random.Generator, label: str, intensity: float | None = None) -> Expression:
    """Draws a way of showing an emotion: a variant, then every unit's weight, then how unlike the two sides are.

    Args:
        rng: Source of randomness.
        label: One of `EMOTION_LABELS`.
        intensity: Fixed; drawn between 0.6 and 1.1 when None.

    Raises:
        ValueError: unknown label.
    """
    if label not in _EXPRESSIONS:
        raise ValueError(f"Unknown emotion {label!r}: one of {', '.join(EMOTION_LABELS)}")
    if label == "neutral":
        intensity = 0.0
    elif intensity is None:
        intensity = float(rng.uniform(0.6, 1.1))
    strength = intensity if label != "neutral" else 1.0
    variants = _EXPRESSIONS[label]
    action_units: dict[str, float] = {}
    for name, movement in variants[rng.integers(len(variants))].items():
        weight = movement.weight * strength * rng.uniform(0.75, 1.2)
        if rng.random() < movement.chance:
            action_units[name] = round(float(weight), 3)
    face_units: dict[str, float] = {}
    lean = rng.normal(0, 0.06)
    for name, weight in action_units.items():
        if name not in _SIDED:
            face_units[name] = weight
            continue
        uneven = lean + rng.normal(0, 0.03)
        face_units[f"{name}Left"] = round(weight * float(np.clip(1 + uneven, 0.75, 1.25)), 3)
        face_units[f"{name}Right"] = round(weight * float(np.clip(1 - uneven, 0.75, 1.25)), 3)
    return Expression(label, round(intensity, 3), action_units, face_units)


def visible_action_units(action_units: dict[str, float], limit: int = 3) -> list[str]:
    """The action units that a description should name.

    Args:
        action_units: Weights by action unit.
        limit: At most this many, the most visible first chosen.

    Returns:
        Names in the order of `ACTION_UNIT_WORDS`, from the brows down.
    """
    named = {name: weight for name, weight in action_units.items() if name in ACTION_UNIT_WORDS}
    seen = {name: weight * _SALIENCE.get(name, 1.0) for name, weight in named.items()}
    chosen = sorted((name for name in seen if seen[name] >= _SEEN_FROM), key=lambda name: -seen[name])[:limit]
    return [name for name in ACTION_UNIT_WORDS if name in chosen]


def expression_level(frame: int, onset: int, apex: int, offset: int, hold: int = 0) -> float:
    """How far an expression has grown: smoothly 0 → 1 from onset to apex, held, then 1 → 0 until offset.

    Args:
        frame: Which frame.
        onset: Last frame before it starts.
        apex: Frame of the full expression.
        offset: First frame after it has gone.
        hold: Frames after the apex before it starts to fade. It sinks by 4 % meanwhile, so that the apex is unique.
    """
    if frame <= onset or frame >= offset:
        return 0.0
    if frame <= apex:
        return _ease((frame - onset) / (apex - onset))
    if frame <= apex + hold:
        return 1 - 0.04 * (frame - apex) / hold
    return (0.96 if hold else 1.0) * _ease((offset - frame) / (offset - apex - hold))


def _ease(share: float) -> float:
    return float(share * share * (3 - 2 * share))
