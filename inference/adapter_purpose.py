"""The questions that an adapter answers: stated in a file beside its weights, or implied by its name."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import get_args

from emotion_qwen.processing.media_kind import MediaKind

from .errors import AdapterError
from .json_file import read_settings
from .label_sets import LABEL_SETS

PURPOSE_FILE = "emotion_qwen_adapter.json"


@dataclass(frozen=True)
class AdapterPurpose:
    """The questions that an adapter was trained to answer, by which `choose_adapter` chooses.

    Attributes:
        labels: The labels of which it answers one, or None if it was not trained on a label set.
        open_questions: Whether it answers open questions about emotion; by default True only without `labels`.
        media: "image" or "video", the only kind of media that it was trained on; None for both, or text alone.

    Raises:
        ValueError: If `media` is anything else, or the adapter would answer nothing.
    """

    labels: tuple[str, ...] | None = None
    open_questions: bool | None = None
    media: MediaKind | None = None

    def __post_init__(self) -> None:
        if self.open_questions is None:
            object.__setattr__(self, "open_questions", self.labels is None)
        if self.media not in (None, *get_args(MediaKind)):
            raise ValueError(f"An adapter is for media of the kind image, video or null, not {self.media!r}.")
        if self.labels is None and not self.open_questions:
            raise ValueError("An adapter names labels or answers open questions, or both.")

    def describe(self) -> str:
        """Return it in words, such as "with one of happy, sad, of clips"."""
        answers = [] if self.labels is None else [f"with one of {', '.join(self.labels)}"]
        answers += ["open questions about emotion"] if self.open_questions else []
        of_media = {None: "", "image": ", of pictures", "video": ", of clips"}
        return " and ".join(answers) + of_media[self.media]

    def save(self, folder: str | Path) -> None:
        """Write it beside the adapter's weights."""
        text = json.dumps(asdict(self), ensure_ascii=False, indent=2) + "\n"
        (Path(folder) / PURPOSE_FILE).write_text(text, encoding="utf-8")


def read_purpose(folder: Path, name: str) -> AdapterPurpose:
    """Read which questions an adapter answers.

    Args:
        folder: Its local folder, with or without a purpose file.
        name: Its name. Without a purpose file, an adapter that is named after a label set answers that set's
            question, and any other adapter open questions.

    Raises:
        AdapterError: If the purpose file is damaged.
    """
    if not (folder / PURPOSE_FILE).is_file():
        return AdapterPurpose(LABEL_SETS[name].labels) if name in LABEL_SETS else AdapterPurpose()
    stated = read_settings(folder / PURPOSE_FILE, AdapterError)
    labels, open_questions = stated.get("labels"), stated.get("open_questions")
    try:
        if labels is not None and (not isinstance(labels, list) or len(labels) < 2):
            raise ValueError(f"`labels` must be a list of at least two, or null, not {labels!r}.")
        if open_questions not in (None, True, False):
            raise ValueError(f"`open_questions` must be true or false, not {open_questions!r}.")
        labels = None if labels is None else tuple(map(str, labels))
        return AdapterPurpose(labels, open_questions, stated.get("media"))
    except ValueError as error:
        raise AdapterError(f"{str(folder / PURPOSE_FILE)!r} can't be used: {error}") from error
