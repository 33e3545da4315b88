"""Questions and answers, in English and Chinese, made from the exact truth of a record."""

from collections.abc import Callable
from typing import Any

import numpy as np

from emotion_qwen.inference.prompts import LANGUAGES, label_name, label_question, reasoning_question
from emotion_qwen.train.synthetic.expressions import ACTION_UNIT_WORDS, visible_action_units
from emotion_qwen.train.synthetic.shapes import COLOURS, PLACES, SHAPES

Record = dict[str, Any]

_ENGLISH_NUMBERS = ("zero", "one", "two", "three", "four")
_CHINESE_NUMBERS = ("零", "一", "两", "三", "四")


def describe_face(action_units: dict[str, float], language: str) -> str:
    """One sentence that says what the face does.

    Args:
        action_units: Weight by action unit.
        language: "en" or "zh".
    """
    column = LANGUAGES.index(language)
    phrases = [ACTION_UNIT_WORDS[name][column] for name in visible_action_units(action_units)]
    if language == "zh":
        return ",".join(phrases or ["面部放松"]) + "。"
    sentence = _english_list(phrases or ["the face is relaxed"])
    return sentence[0].upper() + sentence[1:] + "."


def reasoning_answer(label: str, action_units: dict[str, float], language: str) -> str:
    """What the face does, hence which emotion; the emotion comes last.

    Args:
        label: The emotion.
        action_units: Weight by action unit.
        language: "en" or "zh".
    """
    face = describe_face(action_units, language)
    if language == "zh":
        return f"{face}这个人的情绪是{label_name(label, 'zh')}。"
    return f"{face} The emotion is {label}."


def emotion_turns(record: Record, question: str, language: str) -> tuple[str, str]:
    """The question and its answer for a record of a face.

    Args:
        record: Of the task "emotion".
        question: "label" or "reasoning".
        language: "en" or "zh".

    Raises:
        ValueError: unknown kind of question.
    """
    label, units = record["label"], record["action_units"]
    if question == "label":
        return label_question(language), label_name(label, language)
    if question == "reasoning":
        return reasoning_question(language), reasoning_answer(label, units, language)
    raise ValueError(f"Unknown kind of question {question!r}: label or reasoning")


def shape_turns(record: Record, rng: np.random.Generator, language: str) -> tuple[str, str]:
    """A random question about a drawn picture, and its answer.

    Args:
        record: Of the task "shapes".
        rng: Chooses the question.
        language: "en" or "zh".
    """
    questions: list[Callable[[list[Record], Record, str], tuple[str, str]]] = [_count, _colour, _shape, _describe]
    shapes = record["shapes"]
    asked = shapes[int(rng.integers(len(shapes)))]
    return questions[int(rng.integers(len(questions)))](shapes, asked, language)


def record_messages(record: Record, rng: np.random.Generator, languages: tuple[str, ...] = LANGUAGES) -> list[Record]:
    """Chat messages for a record: media and a question from the user, the true answer from the assistant.

    Args:
        record: As written by `data_set`.
        rng: Chooses the language and the question: of a face, its label or the reasons, equally often.
        languages: To choose from.

    Returns:
        Two messages; the user's content is [{"type": "image" or "video", ...: the record's media path}, the text].
    """
    language = languages[int(rng.integers(len(languages)))]
    if record["task"] == "shapes":
        question, answer = shape_turns(record, rng, language)
    else:
        question, answer = emotion_turns(record, ("label", "reasoning")[int(rng.integers(2))], language)
    return chat(record, question, answer)


def chat(record: Record, question: str, answer: str) -> list[Record]:
    """Lays a question and its answer about a record's media out as chat messages."""
    kind = record["kind"]
    return [
        {"role": "user", "content": [{"type": kind, kind: record["media"]}, {"type": "text", "text": question}]},
        {"role": "assistant", "content": [{"type": "text", "text": answer}]},
    ]


def _english_list(phrases: list[str]) -> str:
    if len(phrases) == 1:
        return phrases[0]
    return ", ".join(phrases[:-1]) + " and " + phrases[-1]


def _noun(shape: Record, language: str) -> str:
    """A shape with its colour: "a red circle"; "红色的圆形"."""
    if language == "zh":
        return f"{COLOURS[shape['colour']][0]}的{SHAPES[shape['shape']]}"
    article = "an" if shape["colour"][0] in "aeiou" else "a"
    return f"{article} {shape['colour']} {shape['shape']}"


def _count(shapes: list[Record], asked: Record, language: str) -> tuple[str, str]:
    del asked
    if language == "zh":
        return "图中有几个图形?", f"{_CHINESE_NUMBERS[len(shapes)]}个。"
    return "How many shapes are there?", f"{_ENGLISH_NUMBERS[len(shapes)].capitalize()}."


def _colour(shapes: list[Record], asked: Record, language: str) -> tuple[str, str]:
    del shapes
    if language == "zh":
        return f"{PLACES[asked['place']]}的图形是什么颜色?", f"{COLOURS[asked['colour']][0]}。"
    return f"What colour is the shape at the {asked['place']}?", f"{asked['colour'].capitalize()}."


def _shape(shapes: list[Record], asked: Record, language: str) -> tuple[str, str]:
    del shapes
    if language == "zh":
        return f"{PLACES[asked['place']]}是什么图形?", f"{SHAPES[asked['shape']]}。"
    return f"What shape is at the {asked['place']}?", f"A {asked['shape']}."


def _describe(shapes: list[Record], asked: Record, language: str) -> tuple[str, str]:
    del asked
    if language == "zh":
        return "请描述图片。", ";".join(f"{PLACES[s['place']]}有一个{_noun(s, language)}" for s in shapes) + "。"
    parts = _english_list([f"{_noun(shape, language)} at the {shape['place']}" for shape in shapes])
    return "Describe the picture.", f"There is {parts}."
