"""Data held out from training: questions about it are those of training."""

from collections.abc import Mapping, Sequence
from typing import Any

from .readers import READERS
from .source import Source
from .sources import FileSource


def asked_as_in_training(eval_data: Sequence[Any], sources: Sequence[Source]) -> list[Any]:
    """State the labels of one's own held-out files, which may not have all that training lists.

    Args:
        eval_data: The items of a recipe's `eval_data`.
        sources: What is trained on.

    Returns:
        The items; those with labels of one's own that name no `label_set` have that of training, if all of one's own
        files there have the same.
    """
    own = [source for source in sources if isinstance(source, FileSource) and source.reader.has_own_labels]
    label_sets = {source.labels: source.settings.label_set or list(source.labels) for source in own}
    if len(label_sets) != 1:
        return list(eval_data)
    (label_set,) = label_sets.values()
    return [{**item, "label_set": label_set} if _leaves_labels_open(item) else item for item in eval_data]


def _leaves_labels_open(item: Any) -> bool:
    if not isinstance(item, Mapping) or item.get("label_set"):
        return False
    reader = READERS.get(item.get("reader"))
    return reader is not None and reader.has_own_labels
