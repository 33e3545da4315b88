"""The questions a model is asked, and the names of the labels it answers with, in English and Chinese.

The shipped model is trained on exactly these sentences, so training and inference both read them from here.
"""

from collections.abc import Sequence
from typing import Literal, get_args

from .label_sets import CHINESE_NAMES, LABEL_SETS, Subject

Language = Literal["en", "zh"]

LANGUAGES: tuple[Language, ...] = get_args(Language)
"""Languages that have questions and label names."""

EMOTION_LABELS: tuple[str, ...] = LABEL_SETS["basic"].labels
"""The seven basic emotions, in the class order of Facial Emotion Capture."""

_LABEL_QUESTIONS: dict[str, dict[Subject, str]] = {
    "en": {
        "person": "Which emotion does the person show? Answer with one word: {labels}.",
        "viewer": "Which emotion does the picture evoke? Answer with one word: {labels}.",
    },
    "zh": {
        "person": "画面中的人表现出什么情绪?请用一个词回答:{labels}。",
        "viewer": "这张图片唤起什么情绪?请用一个词回答:{labels}。",
    },
}

_REASONING_QUESTIONS: dict[str, str] = {
    "en": "What does the face show, and which emotion is it?",
    "zh": "面部有什么表情变化?这是什么情绪?",
}

_WORDS: dict[str, str] = {
    "en": "The words that go with it: “{words}” {question}",
    "zh": "对应的话语:“{words}”{question}",
}

_SEPARATORS: dict[str, tuple[str, str]] = {"en": (", ", " or "), "zh": ("、", "或")}


def label_name(label: str, language: str = "en") -> str:
    """Return the name of a label as the model says it in a language.

    Args:
        label: A label of any set.
        language: `"en"` or `"zh"`.

    Returns:
        The name in that language; the label itself where no translation is known.

    Raises:
        ValueError: If the language is unknown.
    """
    _check_language(language)
    return CHINESE_NAMES.get(label, label) if language == "zh" else label


def label_question(language: str = "en", labels: Sequence[str] = EMOTION_LABELS, subject: Subject = "person") -> str:
    """Return the question whose answer is one word of the label set.

    Args:
        language: `"en"` or `"zh"`.
        labels: Label set, at least two labels; each is named in the language of the question.
        subject: Whose emotion is asked for.

    Returns:
        The question, listing the labels in the given order.

    Raises:
        ValueError: If the language is unknown or fewer than two labels are given.
    """
    _check_language(language)
    if len(labels) < 2:
        raise ValueError(f"A label question needs at least two labels, got {len(labels)}.")
    comma, last = _SEPARATORS[language]
    names = [label_name(label, language) for label in labels]
    return _LABEL_QUESTIONS[language][subject].format(labels=comma.join(names[:-1]) + last + names[-1])


def reasoning_question(language: str = "en") -> str:
    """Return the question whose answer says what the face does, when, and hence which emotion it shows.

    Args:
        language: `"en"` or `"zh"`.

    Returns:
        The question.

    Raises:
        ValueError: If the language is unknown.
    """
    _check_language(language)
    return _REASONING_QUESTIONS[language]


def question_about_words(question: str, words: str, language: str = "en") -> str:
    """Put the words spoken in a clip, or the caption of a picture, before a question.

    Args:
        question: A question in that language.
        words: The words, in whatever language they are.
        language: `"en"` or `"zh"`.

    Raises:
        ValueError: If the language is unknown.
    """
    _check_language(language)
    return _WORDS[language].format(words=words, question=question)


def _check_language(language: str) -> None:
    if language not in LANGUAGES:
        raise ValueError(f"Unknown language {language!r}: choose one of {', '.join(LANGUAGES)}.")
