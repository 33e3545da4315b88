"""Whether an answer that a model generated agrees with the truth of a record."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from emotion_qwen.inference.prompts import EMOTION_LABELS, LANGUAGES, label_name
from emotion_qwen.train.synthetic.emotion_sentences import RELAXED
from emotion_qwen.train.synthetic.expressions import ACTION_UNIT_WORDS, visible_action_units
from emotion_qwen.train.synthetic.records import Record

UNITS_TO_NAME = 2
"""True action units that a reasoning answer has to name, where a face shows so many."""
_AGES = ((18, 29), (30, 44), (45, 59), (60, 80))
"""First and last year of each age group."""
GROUPINGS: dict[str, Callable[[Record], str]] = {
    "skin": lambda record: record["skin_group"],
    "sex": lambda record: record["sex"],
    "age": lambda record: next(f"{first}-{last}" for first, last in _AGES if record["age"] <= last),
}
"""How held-out people are told apart: the group of a record by the name of the grouping."""


@dataclass(frozen=True)
class ReasoningScore:
    """What a reasoning answer says.

    Attributes:
        label: The emotion that its last sentence names; None if it names none, or several.
        true_units: Action units that it names and that the face shows.
        false_units: Action units that it names and that the face does not show.
        is_right: Whether the emotion is the record's, and enough of what the face does is named.
    """

    label: str | None
    true_units: tuple[str, ...]
    false_units: tuple[str, ...]
    is_right: bool


def normalised(text: str) -> str:
    """An answer without what does not matter: case, spaces at its ends or doubled, and punctuation at its end."""
    return " ".join(text.split()).strip(" .。!?,").lower()


def is_same_answer(answer: str, truth: str) -> bool:
    """Whether an answer is the true one, but for what `normalised` leaves out."""
    return normalised(answer) == normalised(truth)


def score_reasoning(answer: str, record: Record, language: str) -> ReasoningScore:
    """Compares a reasoning answer with the truth.

    A face that shows fewer than `UNITS_TO_NAME` action units needs all of them named; one that shows none has to be
    called relaxed.

    Args:
        answer: What was generated.
        record: Of the task "emotion".
        language: "en" or "zh".
    """
    column = LANGUAGES.index(language)
    said = normalised(answer)
    shown = visible_action_units(record["action_units"], limit=len(ACTION_UNIT_WORDS))
    named = [unit for unit, words in ACTION_UNIT_WORDS.items() if words[column] in said]
    true = tuple(unit for unit in named if unit in shown)
    false = tuple(unit for unit in named if unit not in shown)
    enough = len(true) >= min(UNITS_TO_NAME, len(shown)) if shown else RELAXED[column] in said
    label = _label_named_last(said, language)
    return ReasoningScore(label, true, false, label == record["label"] and enough)


def accuracy_by_group(records: Iterable[Record], right: Iterable[bool]) -> dict[str, dict[str, dict[str, float]]]:
    """Accuracy among people of each skin group, sex and age.

    Args:
        records: Of the task "emotion".
        right: For each, whether the answer was right.

    Returns:
        By grouping and group: "items" and "accuracy".
    """
    pairs = list(zip(records, right, strict=True))
    grouped = {}
    for name, group_of in GROUPINGS.items():
        items = Counter(group_of(record) for record, _ in pairs)
        hits = Counter(group_of(record) for record, is_right in pairs if is_right)
        grouped[name] = {
            group: {"items": items[group], "accuracy": hits[group] / items[group]} for group in sorted(items)
        }
    return grouped


def _label_named_last(said: str, language: str) -> str | None:
    last = said.replace("。", ".").split(".")[-1]
    named = [label for label in EMOTION_LABELS if label_name(label, language) in last]
    return named[0] if len(named) == 1 else None
