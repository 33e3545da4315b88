"""What a recipe says of a source of files."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from emotion_qwen.inference.nearest_name import did_you_mean
from emotion_qwen.inference.prompts import LANGUAGES

from .readers import READERS

RENDERED = "rendered"
"""The reader of what `synthetic.data_set` wrote; it is told other things, see `RenderedSource`."""


@dataclass(frozen=True)
class SourceSettings:
    """What a recipe says of a source of files.

    Attributes:
        reader: Name of one of `READERS`.
        path: File or folder.
        name: What messages call it; reader and path by default.
        weight: See `Source`.
        label_set: Name of a label set, or a list of labels; by default the data set's own, and for one's own files
            the labels that are found in them.
        languages: Of questions and label names; each visit of a sample draws one.
        face_captures: Folder of faces that `emotion-qwen faces` stored, which are then not captured again.
        options: What the reader can be told besides: `split`, `fold`, `media`, …
    """

    reader: str
    path: str
    name: str = ""
    weight: float | None = None
    label_set: str | Sequence[str] | None = None
    languages: Sequence[str] = ("en",)
    face_captures: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", f"{self.reader} {self.path}")
        languages, label_set = self.languages, self.label_set
        check_weight(self.name, self.weight)
        if not isinstance(languages, list | tuple) or not languages or not set(languages) <= set(LANGUAGES):
            raise ValueError(f"{self.name}: languages must be a list of {', '.join(LANGUAGES)}, not {languages!r}.")
        if label_set is not None and not isinstance(label_set, str | list | tuple):
            raise ValueError(f"{self.name}: label_set must be a set's name or a list of labels, not {label_set!r}.")

    @classmethod
    def parse(cls, settings: Mapping[str, Any]) -> "SourceSettings":
        """Read an item of a recipe's `data:`.

        Args:
            settings: `reader`, `path`, further fields of this class, and options of the reader.

        Raises:
            ValueError: If the reader or a key is unknown (names the nearest known one), or the path is missing.
        """
        reader = READERS.get(settings.get("reader"))
        if reader is None:
            readers = [*READERS, RENDERED]
            name = str(settings.get("reader"))
            raise ValueError(
                f"There is no reader {name!r}; known are {', '.join(readers)}.{did_you_mean(name, readers)}"
            )
        if not isinstance(settings.get("path"), str) or not settings["path"]:
            raise ValueError(f"The source with the reader {settings['reader']!r} needs a path.")
        own = {item.name for item in fields(cls)} - {"options"}
        for key in settings:
            if key not in own and key not in reader.options:
                known = [*own, *reader.options]
                raise ValueError(
                    f"The reader {settings['reader']!r} can't be told {key!r}; known are {', '.join(sorted(known))}."
                    f"{did_you_mean(key, known)}"
                )
        options = {key: value for key, value in settings.items() if key not in own}
        return cls(**{key: value for key, value in settings.items() if key in own}, options=options)


def check_weight(source: str, weight: Any) -> None:
    """Make sure of the weight of a source.

    Args:
        source: Its name, for the message.
        weight: What the recipe says; None: nothing.

    Raises:
        ValueError: If it is no number above 0.
    """
    if weight is None:
        return
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight < math.inf:
        raise ValueError(f"{source}: weight must be a number above 0, not {weight!r}.")
