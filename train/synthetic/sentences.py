"""A question and its true answer for any record, in English or Chinese, and both as chat messages."""

from typing import Any

import numpy as np

from emotion_qwen.inference.prompts import LANGUAGES
from emotion_qwen.train.synthetic.emotion_sentences import emotion_turns
from emotion_qwen.train.synthetic.general_sentences import drawing_turns
from emotion_qwen.train.synthetic.person_sentences import person_turns

Record = dict[str, Any]


def record_turns(
    record: Record, rng: np.random.Generator, language: str, label_share: float = 0.5, general_share: float = 0.0
) -> tuple[str, str]:
    """A random question that fits a record, and its answer.

    Args:
        record: As written by `data_set` or `groups`.
        rng: Chooses the question.
        language: "en" or "zh".
        label_share: Share of the questions about an emotion that ask for one word; the others ask for the reasons.
        general_share: Share of the questions about a person that ask for no emotion.
    """
    if record["task"] != "emotion":
        return drawing_turns(record, rng, language)
    if general_share and rng.random() < general_share:
        return person_turns(record, rng, language)
    return emotion_turns(record, "label" if rng.random() < label_share else "reasoning", language)


def record_messages(record: Record, rng: np.random.Generator, languages: tuple[str, ...] = LANGUAGES) -> list[Record]:
    """Chat messages for a record: media and a question from the user, the true answer from the assistant.

    Args:
        record: As written by `data_set` or `groups`.
        rng: Chooses the language and the question: of a face, its label or the reasons, equally often.
        languages: To choose from.

    Returns:
        Two messages; the user's content is [{"type": "image" or "video", ...: the record's media path}, the text].
    """
    language = languages[int(rng.integers(len(languages)))]
    return chat(record, *record_turns(record, rng, language))


def chat(record: Record, question: str, answer: str) -> list[Record]:
    """Lays a question and its answer about a record's media out as chat messages."""
    kind = record["kind"]
    return [
        {"role": "user", "content": [{"type": kind, kind: record["media"]}, {"type": "text", "text": question}]},
        {"role": "assistant", "content": [{"type": "text", "text": answer}]},
    ]
