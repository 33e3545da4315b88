"""The card of an exported model: one template, filled in with what is known of the model and with nothing else."""

from collections.abc import Mapping
from importlib import resources
from typing import Any

import transformers
from jinja2 import Environment, StrictUndefined

from .modeling_emotion_qwen import EmotionQwenForConditionalGeneration

_LEAST_ITEMS = 20
"""From so many items of a group on, a percentage is given."""
_GROUP_NAMES = {"skin": "ancestry setting"}
"""What a kind of group is where its key in the measurements does not say it."""


def write_card(
    model: EmotionQwenForConditionalGeneration,
    measured: Mapping[str, Any] | None,
    adapters: Mapping[str, str] | None = None,
) -> str:
    """Fills in `model_card.md`.

    Args:
        model: The exported model.
        measured: What `benchmarks/nano.py` measured of these very weights; None: the card says that nothing was.
        adapters: What each adapter in the folder answers, by name; None: there are none.

    Returns:
        Markdown with the Hub's YAML header.
    """
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)
    template = environment.from_string((resources.files(__package__) / "model_card.md").read_text(encoding="utf-8"))
    return template.render(
        name="Emotion-Qwen-Nano" if measured else "Emotion-Qwen",
        parameters=model.num_parameters(),
        projector_type=model.config.projector_type,
        backbone=model.config.text_config.model_type,
        transformers_version=transformers.__version__,
        measured=measured,
        adapters=adapters,
        percent=_percent,
        percent_or_count=_percent_or_count,
        least_items=_LEAST_ITEMS,
        group_names=_GROUP_NAMES,
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _percent_or_count(score: Mapping[str, Any]) -> str:
    """The accuracy of a group; of few items, how many were right."""
    items, accuracy = score["items"], score["accuracy"]
    return _percent(accuracy) if items >= _LEAST_ITEMS else f"{round(accuracy * items)} of {items}"
