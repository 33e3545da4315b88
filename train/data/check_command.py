"""The command `emotion-qwen data check`; `emotion_qwen.inference.cli` registers it."""

import argparse
import json
import logging
from collections.abc import Mapping
from typing import Any

from emotion_qwen.inference.checkpoint import require_checkpoint, shipped_checkpoint
from emotion_qwen.processing import EmotionQwenProcessor

from .check import SourceReport, check, recipe_data, summary

logger = logging.getLogger(__name__)

_BROKEN = 2
_MOST_NAMED = 10


def run(options: argparse.Namespace) -> int:
    """Print what is in the data.

    Args:
        options: `data` (a recipe, or a path of data), `reader`, `model`, `samples`, `no_fec`, `json`.

    Returns:
        0, or 2 if more of a source is broken than the recipe's `max_broken_share` allows.

    Raises:
        ValueError: If nothing can be read of the only source there is.
    """
    data, recipe = recipe_data(options.data, options.reader)
    allowed = _allowed_share(recipe)
    processor = _processor(options.model, recipe.get("model_name_or_path"))
    captured = recipe.get("facial_emotion_capture", True) and not options.no_fec
    reports = check(
        data,
        processor,
        options.samples,
        captured,
        recipe.get("seed", 0),
        recipe.get("eval_data") or (),
        recipe.get("streaming", False),
    )
    spoilt = [report.name for report in reports if len(report.broken) > allowed * report.samples]
    unusable = [report.name for report in reports if report.fault is not None]
    if options.json:
        print(json.dumps([report.to_dict() for report in reports], ensure_ascii=False, indent=2))
    elif len(reports) == 1 and unusable and not reports[0].samples:
        raise ValueError(reports[0].fault)
    else:
        print("\n\n".join("\n".join(summary(report, _MOST_NAMED)) for report in reports))
        print(f"\n{_verdict(reports, unusable, spoilt, allowed)}")
    return _BROKEN if spoilt or unusable else 0


def _processor(model: str | None, recipes_model: str | None) -> EmotionQwenProcessor | None:
    """The processor to count with; None if the recipe starts from a checkpoint that is still to be made."""
    if model is not None or recipes_model is None:
        chosen = model or shipped_checkpoint()
        require_checkpoint(chosen)
        return EmotionQwenProcessor.from_pretrained(chosen)
    try:
        # Not from the Hub: what a recipe starts from is mostly what another run is still to write here.
        return EmotionQwenProcessor.from_pretrained(recipes_model, local_files_only=True)
    except (OSError, ValueError):  # the latter for what can't be a name on the Hub
        message = "There is no checkpoint '%s' here: nothing is decoded, no tokens are counted. Name one as --model."
        logger.warning(message, recipes_model)
        return None


def _allowed_share(recipe: Mapping[str, Any]) -> float:
    share = recipe.get("max_broken_share", 0.0)
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share < 1:
        raise ValueError(f"max_broken_share must be a number from 0 to below 1, not {share!r}.")
    return share


def _verdict(reports: list[SourceReport], unusable: list[str], spoilt: list[str], allowed: float) -> str:
    broken, total = sum(len(report.broken) for report in reports), sum(report.samples for report in reports)
    if unusable:
        return f"As it is, nothing can be learnt from {', '.join(unusable)}."
    if spoilt:
        return f"More is broken than the share of {allowed:g} that is allowed: {', '.join(spoilt)}."
    decoded = sum(report.decoded for report in reports)
    return f"{total} samples, {decoded} of them decoded, {broken} broken: the data can be trained on."
