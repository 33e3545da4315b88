"""Rendered faces and drawn shapes as one source among others."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, fields
from typing import Any

from emotion_qwen.inference.nearest_name import did_you_mean
from emotion_qwen.inference.prompts import EMOTION_LABELS
from emotion_qwen.train.augmentation import Augmentation
from emotion_qwen.train.rendered_conversations import STILL_VIDEO, RenderedConversations, RenderedSettings

from .entries import SampleError
from .source import Outline, Sample
from .source_settings import RENDERED, check_weight

_OWN_KEYS = ("reader", "weight", "name")
"""What a recipe says of the source itself, and not of what is drawn."""
_AUGMENTATION = f"The augmentation of the reader {RENDERED!r}"


class RenderedSource:
    """What `synthetic.data_set` wrote, with views, light and questions drawn anew for each sample.

    Args:
        settings: Fields of `RenderedSettings`, and `weight` and `name`.
        seed: Of all draws.
    """

    def __init__(self, settings: Mapping[str, Any], seed: int) -> None:
        drawn = {key: value for key, value in settings.items() if key not in _OWN_KEYS}
        _check_keys(drawn)
        self.settings = RenderedSettings(**drawn)
        self.name = settings.get("name") or f"{RENDERED} {settings.get('folder')}"
        self.weight = settings.get("weight")
        check_weight(self.name, self.weight)
        self.conversations = RenderedConversations(self.settings, seed)

    def __len__(self) -> int:
        return len(self.conversations)

    @property
    def labels(self) -> tuple[str, ...] | None:
        """See `Source.labels`."""
        return EMOTION_LABELS if self._asks_about_emotion and self.settings.label_share > 0 else None

    @property
    def open_questions(self) -> bool:
        """See `Source.open_questions`."""
        return self._asks_about_emotion and self.settings.label_share < 1

    @property
    def _asks_about_emotion(self) -> bool:
        return self.settings.task == "emotion" and self.settings.general_share < 1

    def sample(self, index: int, visit: int) -> Sample:
        """See `Source.sample`. A sample is the same at each visit: more variety comes from more samples."""
        del visit
        try:
            return self.conversations.draw(index)
        except OSError as error:
            raise SampleError(str(error)) from error

    def stream(self) -> Iterator[tuple[int, int]]:
        """See `Source.stream`."""
        yield from ((index, index) for index in range(len(self)))

    def sample_of(self, drawn: int, index: int, visit: int) -> Sample:
        """See `Source.sample_of`."""
        del drawn
        return self.sample(index, visit)

    def outlines(self) -> Iterator[Outline]:
        """See `Source.outlines`."""
        kind = "video" if self.settings.kind == STILL_VIDEO else self.settings.kind
        for record in map(self.conversations.record, range(len(self))):
            path = os.path.join(self.settings.folder, record["media"])
            yield Outline(((kind, path),), record.get("label"))

    def require_usable(self) -> None:
        """See `Source.require_usable`: its questions are its own."""


def _check_keys(settings: Mapping[str, Any]) -> None:
    known = [*(item.name for item in fields(RenderedSettings)), *_OWN_KEYS]
    _require_known(settings, known, f"The reader {RENDERED!r}")
    augmentation = settings.get("augmentation", {})
    if not isinstance(augmentation, Mapping):
        raise ValueError(f"{_AUGMENTATION} must be a mapping, not {augmentation!r:.80}.")
    drawn = [item.name for item in fields(Augmentation) if item.name != "sides"]  # the source says its side
    _require_known(augmentation, drawn, _AUGMENTATION)
    lacking = [item.name for item in fields(RenderedSettings) if _is_required(item) and item.name not in settings]
    if lacking:
        raise ValueError(f"The reader {RENDERED!r} needs to be told {', '.join(lacking)} in a recipe.")


def _require_known(settings: Mapping[str, Any], known: Sequence[str], what: str) -> None:
    for key in settings:
        if key not in known:
            listed = ", ".join(sorted(known))
            raise ValueError(f"{what} can't be told {key!r}; known are {listed}.{did_you_mean(key, known)}")


def _is_required(item: Field) -> bool:
    return item.default is MISSING and item.default_factory is MISSING
