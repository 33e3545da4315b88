"""General questions about pictures and clips of people, and their true answers, in English and Chinese."""

import numpy as np

from emotion_qwen.train.synthetic.drawing_sentences import person_question, yes_or_no
from emotion_qwen.train.synthetic.emotion_sentences import people_sentence
from emotion_qwen.train.synthetic.records import Record
from emotion_qwen.train.synthetic.setting import SETTINGS


def person_turns(record: Record, rng: np.random.Generator, language: str) -> tuple[str, str]:
    """A random general question about a rendered person: how many there are, whether anyone is, what is behind.

    Args:
        record: Of the task "emotion".
        rng: Chooses the question.
        language: "en" or "zh".
    """
    questions = [_count, _presence]
    if record.get("background"):
        questions += [_background] * 2
    return questions[int(rng.integers(len(questions)))](record, language)


def _count(record: Record, language: str) -> tuple[str, str]:
    question = "图中有几个人?" if language == "zh" else "How many people are there?"
    return question, people_sentence(len(record.get("people", [None])), language)


def _presence(record: Record, language: str) -> tuple[str, str]:
    del record
    return person_question(language), yes_or_no(True, language)


def _background(record: Record, language: str) -> tuple[str, str]:
    english, chinese = SETTINGS[record["background"]]
    if language == "zh":
        return "背景是什么颜色?", f"{chinese}。"
    return "What colour is the background?", f"{english.capitalize()}."
