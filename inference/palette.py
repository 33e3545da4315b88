"""Colors of the evidence picture: Okabe and Ito's but for neutral, darker than all of them."""

PAPER = "#ffffff"
INK = "#111111"
MUTED = "#5f6368"
FRAME = "#d5d8dc"
FACE_HALO = "#ffffff"
# No emotion's colors: the gate is about experts.
GATE_EMOTION = "#5b21b6"
GATE_GENERAL = "#cbd5e1"

_EMOTION_COLORS = {
    "angry": "#d55e00",
    "disgust": "#009e73",
    "fear": "#cc79a7",
    "happy": "#e69f00",
    "sad": "#0072b2",
    "surprise": "#56b4e9",
    "neutral": "#3f3f46",
}
_OTHER = "#b5a642"
_DARK = {"sad", "neutral"}


def emotion_color(label: str) -> str:
    """Color of an emotion, as `#rrggbb`; labels of other sets share one color."""
    return _EMOTION_COLORS.get(label, _OTHER)


def text_on(label: str) -> str:
    """Color of text that can be read on an emotion's color."""
    return PAPER if label in _DARK else INK
