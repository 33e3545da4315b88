"""What an adapter learns to answer, read off the data that it is trained on."""

from collections.abc import Sequence

from emotion_qwen.inference.adapter_purpose import AdapterPurpose
from emotion_qwen.train.data.source import Source

_KINDS = {"image", "video"}


def purpose_of(sources: Sequence[Source], streaming: bool = False) -> AdapterPurpose | None:
    """Tells what data teaches, for the automatic choice among adapters.

    Args:
        sources: The data. Where they name several label sets, the adapter counts as one for open questions.
        streaming: Whether the data is too large to look for its kinds of media beforehand.

    Returns:
        None where nothing in the data is about emotion.
    """
    label_sets = [source.labels for source in sources if source.labels is not None]
    one_set = bool(label_sets) and all(set(labels) == set(label_sets[0]) for labels in label_sets)
    open_questions = any(source.open_questions for source in sources) or (bool(label_sets) and not one_set)
    if not one_set and not open_questions:
        return None
    media = None if streaming else _only_kind(sources)
    return AdapterPurpose(label_sets[0] if one_set else None, open_questions, media)


def _only_kind(sources: Sequence[Source]) -> str | None:
    """The kind of media of all samples; None where there are both, or samples without."""
    kinds: set[str | None] = set()
    for source in sources:
        for outline in source.outlines():
            if outline.fault is None:
                kinds |= {kind for kind, _ in outline.media} or {None}
            if None in kinds or kinds == _KINDS:
                return None
    return kinds.pop() if kinds else None
