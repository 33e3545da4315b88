"""Emotion-Qwen: reading the emotion of a clip, from Python (`EmotionAnalyzer`) and from the command line.

Names load on first use, so that the questions in `prompts` can be imported without the model.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .adapter_purpose import AdapterPurpose
    from .adapters import AdapterSet
    from .analysis import EmotionAnalysis, Gate, TimelinePoint
    from .analyzer import EmotionAnalyzer
    from .errors import AdapterError, CheckpointError, OutputError, QuestionError
    from .evidence_file import save_evidence
    from .evidence_picture import draw_evidence
    from .initial_checkpoint import init_from_authors, init_from_qwen2_5_vl
    from .prompts import EMOTION_LABELS, label_question, reasoning_question

_NAMES = {
    "adapter_purpose": ("AdapterPurpose",),
    "adapters": ("AdapterSet",),
    "analysis": ("EmotionAnalysis", "Gate", "TimelinePoint"),
    "analyzer": ("EmotionAnalyzer",),
    "errors": ("AdapterError", "CheckpointError", "OutputError", "QuestionError"),
    "evidence_file": ("save_evidence",),
    "evidence_picture": ("draw_evidence",),
    "initial_checkpoint": ("init_from_authors", "init_from_qwen2_5_vl"),
    "prompts": ("EMOTION_LABELS", "label_question", "reasoning_question"),
}

__all__ = [
    "EMOTION_LABELS",
    "AdapterError",
    "AdapterPurpose",
    "AdapterSet",
    "CheckpointError",
    "EmotionAnalysis",
    "EmotionAnalyzer",
    "Gate",
    "OutputError",
    "QuestionError",
    "TimelinePoint",
    "draw_evidence",
    "init_from_authors",
    "init_from_qwen2_5_vl",
    "label_question",
    "reasoning_question",
    "save_evidence",
]


def __getattr__(name: str) -> Any:
    for module, names in _NAMES.items():
        if name in names:
            return getattr(import_module(f".{module}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
