"""A question and its true answer for any record, in English or Chinese, and both as chat messages."""

import numpy as np

from emotion_qwen.inference.prompts import LANGUAGES
from emotion_qwen.train.synthetic.drawing_sentences import drawing_turns
from emotion_qwen.train.synthetic.emotion_sentences import emotion_turns
from emotion_qwen.train.synthetic.person_sentences import person_turns
from emotion_qwen.train.synthetic.records import Record


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


def ask(
    record: Record, rng: np.random.Generator, questions: int = 1, label_share: float = 0.5, general_share: float = 0.0
) -> list[tuple[str, str]]:
    """At most so many different questions about a record, all in one language, with their answers.

    Args:
        record: As written by `data_set` or `groups`.
        rng: Chooses the language and the questions.
        questions: How many are drawn; one that is drawn again is not asked again.
        label_share: See `record_turns`.
        general_share: See `record_turns`.
    """
    language = LANGUAGES[int(rng.integers(len(LANGUAGES)))]
    drawn = (record_turns(record, rng, language, label_share, general_share) for _ in range(questions))
    return list(dict(drawn).items())


def chat(record: Record, *turns: tuple[str, str]) -> list[Record]:
    """Lays questions and their answers about a record's media out as chat messages.

    Args:
        record: Its media, a file or pictures, stands before the first question.
        *turns: A question and its answer each, in the order in which they are asked.
    """
    messages = [
        message for question, answer in turns for message in (_says("user", question), _says("assistant", answer))
    ]
    media = {"type": record["kind"], record["kind"]: record["media"]}
    if isinstance(record["media"], list):
        media["fps"] = record["fps"]  # frames, unlike a file, do not tell their rate
    messages[0]["content"].insert(0, media)
    return messages


def _says(role: str, text: str) -> Record:
    return {"role": role, "content": [{"type": "text", "text": text}]}
