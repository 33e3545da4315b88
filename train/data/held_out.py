"""Data held out from training: asked about as in training, and of people whom training does not show."""

from collections.abc import Mapping, Sequence
from typing import Any

from emotion_qwen.train.synthetic.records import HELD_OUT

from .readers import READERS
from .source import Source
from .source_settings import RENDERED
from .sources import FileSource


def held_out_items(eval_data: Sequence[Any], sources: Sequence[Source]) -> list[Any]:
    """State what the items of a recipe's `eval_data` leave open.

    Args:
        eval_data: The items.
        sources: What is trained on.

    Returns:
        The items. Rendered ones that name no `split` show those who are held out. Files with labels of one's own that
        name no `label_set` have that of training, if all of one's own files there have the same: they may not have
        all labels that training lists.
    """
    own = [source for source in sources if isinstance(source, FileSource) and source.reader.has_own_labels]
    label_sets = {source.labels: source.settings.label_set or list(source.labels) for source in own}
    label_set = next(iter(label_sets.values())) if len(label_sets) == 1 else None
    return [_stated(item, label_set) for item in eval_data]


def _stated(item: Any, label_set: str | list[str] | None) -> Any:
    if not isinstance(item, Mapping):
        return item
    if item.get("reader") == RENDERED:
        return {"split": HELD_OUT, **item}
    reader = READERS.get(item.get("reader"))
    leaves_labels_open = reader is not None and reader.has_own_labels and not item.get("label_set")
    return {**item, "label_set": label_set} if leaves_labels_open and label_set else item
