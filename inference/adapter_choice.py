"""Which adapter a question calls for.

The choice depends on the words of the question. Adapters for another kind of media are left out; those for this kind
of media alone come before those for any.

1. The question names all labels of one adapter's label set and no other emotion: that adapter. Of several adapters
   with the same labels, the one with the question's order of labels, or else the first.
2. It asks about emotion in other words: the first adapter for open questions.
3. It asks anything else: none. General questions are answered by the model itself, without an adapter.

Text in quotation marks is speech, writing or a title, and does not count.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from .adapter_purpose import AdapterPurpose
from .label_sets import CHINESE_NAMES, LABEL_SETS

_QUOTED = re.compile(r"“[^”]*”|\"[^\"]*\"|「[^」]*」|『[^』]*』|(?<!\w)'[^']*'(?!\w)")
_ABOUT_EMOTION = re.compile(
    r"\b(?:emotion\w*|feeling|feelings|mood|moods|sentiments?|(?:facial|micro-?) ?expressions?|"
    r"(?:he|she|they|person|people|man|woman|child|boy|girl|speaker)(?: \w+){0,2} feel(?:s|ing)?)\b|"
    r"\b(?:angry|afraid|anxious|disgusted|frightened|happy|sad|scared|surprised|upset|worried)\b|"
    r"情绪|情感|表情|心情|神情|感受|生气|愤怒|难过|悲伤|高兴|开心|害怕|恐惧|惊讶|厌恶|担忧|焦虑",
    re.IGNORECASE,
)


def choose_adapter(question: str, purposes: Mapping[str, AdapterPurpose], media: str | None = None) -> str | None:
    """Choose by the rule above.

    Args:
        question: What the model is asked, in English or Chinese.
        purposes: What each adapter answers, by name.
        media: "image" or "video": what the question is about; None where that is unknown.

    Returns:
        A name, or None for the model without an adapter.
    """
    purposes = _for_media(purposes, media)
    asked = _QUOTED.sub(" ", question)
    named = named_labels(asked, _all_labels(purposes))
    by_labels = {name: purpose.labels for name, purpose in purposes.items() if purpose.labels is not None}
    answering = [name for name, labels in by_labels.items() if _names_exactly(asked, named, labels)]
    if answering:
        return next((name for name in answering if _in_order(asked, by_labels[name])), answering[0])
    if not _ABOUT_EMOTION.search(asked):
        return None
    return next((name for name, purpose in purposes.items() if purpose.open_questions), None)


def named_labels(text: str, labels: Iterable[str]) -> dict[str, int]:
    """Find labels in a text, by their English or Chinese names.

    Args:
        text: The text.
        labels: What to look for.

    Returns:
        Where each label that the text names is first named.
    """
    found = {label: _position(text, label) for label in labels}
    return {label: position for label, position in found.items() if position is not None}


def _for_media(purposes: Mapping[str, AdapterPurpose], media: str | None) -> dict[str, AdapterPurpose]:
    if media is None:
        return dict(purposes)
    fitting = [(name, purpose) for name, purpose in purposes.items() if purpose.media in (None, media)]
    return dict(sorted(fitting, key=lambda item: item[1].media is None))


def _names_exactly(text: str, named: Mapping[str, int], labels: Sequence[str]) -> bool:
    """Whether the text names all these labels, and no other; two sets may share a word ("anger" and "angry" 愤怒)."""
    own = named_labels(text, labels)
    return len(own) == len(labels) and set(named.values()) <= set(own.values())


def _in_order(text: str, labels: Sequence[str]) -> bool:
    positions = list(named_labels(text, labels).values())
    return positions == sorted(positions)


def _position(text: str, label: str) -> int | None:
    word = re.search(rf"(?<!\w){re.escape(label)}(?!\w)", text, re.IGNORECASE)
    if word is not None:
        return word.start()
    name = CHINESE_NAMES.get(label)
    position = -1 if name is None else text.find(name)
    return None if position < 0 else position


def _all_labels(purposes: Mapping[str, AdapterPurpose]) -> set[str]:
    known = {label for label_set in LABEL_SETS.values() for label in label_set.labels}
    return known | {label for purpose in purposes.values() for label in purpose.labels or ()}
