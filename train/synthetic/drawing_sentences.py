"""Questions and answers about drawings, in English and Chinese, made from the exact truth of a record."""

from collections.abc import Callable
from typing import Any

import numpy as np

from emotion_qwen.train.synthetic.emotion_sentences import english_list
from emotion_qwen.train.synthetic.moving import DIRECTIONS
from emotion_qwen.train.synthetic.number_words import number_word
from emotion_qwen.train.synthetic.records import Record
from emotion_qwen.train.synthetic.shapes import COLOURS, PLACES, SHAPES
from emotion_qwen.train.synthetic.words import WORDS

Turns = tuple[str, str]
Asker = Callable[[list[Record], np.random.Generator, str], Turns]

_CLEARLY_LARGER = 1.3
"""Least ratio of two radii of which one is said to be larger."""
_PERSON_SHARE = 0.06
"""Of the questions about shapes that ask for a person, so that seeing someone is learnt from both answers."""


def drawing_turns(record: Record, rng: np.random.Generator, language: str) -> Turns:
    """A random question about a drawing, and its answer.

    Args:
        record: Of the task "shapes", "words" or "moving".
        rng: Chooses the question.
        language: "en" or "zh".
    """
    turns = {"shapes": shape_turns, "words": word_turns, "moving": moving_turns}[record["task"]]
    return turns(record, rng, language)


def shape_turns(record: Record, rng: np.random.Generator, language: str) -> Turns:
    """A random question about a picture of shapes, and its answer.

    Args:
        record: Of the task "shapes"; sizes are asked for where it has them ("radius").
        rng: Chooses the question.
        language: "en" or "zh".
    """
    shapes = record["shapes"]
    questions: list[Asker] = [_count, _colour, _shape, _describe, _is_there]
    if rng.random() < _PERSON_SHARE:
        return person_question(language), yes_or_no(False, language)
    if _beside(shapes):
        questions.append(_side)
    if _unequal(shapes):
        questions.append(_larger)
    return questions[int(rng.integers(len(questions)))](shapes, rng, language)


def word_turns(record: Record, rng: np.random.Generator, language: str) -> Turns:
    """A random question about a picture of a word: what is written, what it means in Chinese, in which colour.

    Args:
        record: Of the task "words".
        rng: Chooses the question.
        language: "en" or "zh".
    """
    word, colour = record["word"], record["colour"]
    if rng.random() < 0.25:
        if language == "zh":
            return "文字是什么颜色?", f"{COLOURS[colour][0]}。"
        return "What colour is the word?", f"{colour.capitalize()}."
    if language == "en":
        return "Which word is written here?", f"{word.capitalize()}."
    if rng.random() < 0.5:
        return "这里写的是哪个词?", f"{word.capitalize()}。"
    return "这个词是什么意思?", f"{WORDS[word]}。"


def moving_turns(record: Record, rng: np.random.Generator, language: str) -> Turns:
    """A random question about a clip of moving shapes: where to, how many, which colour one has.

    Args:
        record: Of the task "moving".
        rng: Chooses the question.
        language: "en" or "zh".
    """
    shapes = record["shapes"]
    kind = int(rng.integers(4))
    if kind == 0:
        return _count(shapes, rng, language)
    if kind == 1 and len(shapes) == 1:
        (shape,) = shapes
        if language == "zh":
            return "图形是什么颜色?", f"{COLOURS[shape['colour']][0]}。"
        return "What colour is the shape?", f"{shape['colour'].capitalize()}."
    direction = record["direction"]
    if language == "zh":
        return "图形往哪个方向移动?", f"向{DIRECTIONS[direction]}。"
    return "Which way do the shapes move?", f"{direction.capitalize()}."


def person_question(language: str) -> str:
    """Asks whether anyone is to be seen, in "en" or "zh"."""
    return "图中有人吗?" if language == "zh" else "Is there a person?"


def yes_or_no(is_so: bool, language: str) -> str:
    """Yes or no, in "en" or "zh"."""
    if language == "zh":
        return "是。" if is_so else "不是。"
    return "Yes." if is_so else "No."


def _noun(shape: Record, language: str, article: str | None = None) -> str:
    """A shape with its colour: "a red circle"; "红色的圆形"."""
    if language == "zh":
        return f"{COLOURS[shape['colour']][0]}的{SHAPES[shape['shape']]}"
    article = article or ("an" if shape["colour"][0] in "aeiou" else "a")
    return f"{article} {shape['colour']} {shape['shape']}"


def _one_of(shapes: list[Any], rng: np.random.Generator) -> Any:
    return shapes[int(rng.integers(len(shapes)))]


def _count(shapes: list[Record], rng: np.random.Generator, language: str) -> Turns:
    del rng
    number = number_word(len(shapes), language)
    if language == "zh":
        return "图中有几个图形?", f"{number}个。"
    return "How many shapes are there?", f"{number.capitalize()}."


def _colour(shapes: list[Record], rng: np.random.Generator, language: str) -> Turns:
    asked = _one_of(shapes, rng)
    if language == "zh":
        return f"{PLACES[asked['place']]}的图形是什么颜色?", f"{COLOURS[asked['colour']][0]}。"
    return f"What colour is the shape at the {asked['place']}?", f"{asked['colour'].capitalize()}."


def _shape(shapes: list[Record], rng: np.random.Generator, language: str) -> Turns:
    asked = _one_of(shapes, rng)
    if language == "zh":
        return f"{PLACES[asked['place']]}是什么图形?", f"{SHAPES[asked['shape']]}。"
    return f"What shape is at the {asked['place']}?", f"A {asked['shape']}."


def _describe(shapes: list[Record], rng: np.random.Generator, language: str) -> Turns:
    del rng
    if language == "zh":
        return "请描述图片。", ";".join(f"{PLACES[s['place']]}有一个{_noun(s, language)}" for s in shapes) + "。"
    parts = english_list([f"{_noun(shape, language)} at the {shape['place']}" for shape in shapes])
    return "Describe the picture.", f"There is {parts}."


def _is_there(shapes: list[Record], rng: np.random.Generator, language: str) -> Turns:
    """Asks for one that is there as often as for one that is not: another colour or form of one that is."""
    asked = dict(_one_of(shapes, rng))
    if rng.random() < 0.5:
        part, names = (("colour", COLOURS), ("shape", SHAPES))[int(rng.integers(2))]
        asked[part] = str(rng.choice(list(names)))
    is_so = any((shape["colour"], shape["shape"]) == (asked["colour"], asked["shape"]) for shape in shapes)
    if language == "zh":
        return f"图中有{_noun(asked, language)}吗?", yes_or_no(is_so, language)
    return f"Is there {_noun(asked, language)}?", yes_or_no(is_so, language)


def _named_apart(pairs: list[tuple[Record, Record]], shapes: list[Record]) -> list[tuple[Record, Record]]:
    """Of pairs of shapes, those in which each is the only one of its colour and form."""
    names = [(shape["colour"], shape["shape"]) for shape in shapes]
    unique = {name for name in names if names.count(name) == 1}
    return [pair for pair in pairs if all((shape["colour"], shape["shape"]) in unique for shape in pair)]


def _beside(shapes: list[Record]) -> list[tuple[Record, Record]]:
    """Pairs of which the first is in the left half and the second in the right one."""
    left = [shape for shape in shapes if shape["place"].endswith("left")]
    right = [shape for shape in shapes if shape["place"].endswith("right")]
    return _named_apart([(first, second) for first in left for second in right], shapes)


def _side(shapes: list[Record], rng: np.random.Generator, language: str) -> Turns:
    first, second = _one_of(_beside(shapes), rng)
    is_so = bool(rng.random() < 0.5)
    if not is_so:
        first, second = second, first
    if language == "zh":
        return f"{_noun(first, language)}在{_noun(second, language)}的左边吗?", yes_or_no(is_so, language)
    question = f"Is {_noun(first, language, 'the')} left of {_noun(second, language, 'the')}?"
    return question, yes_or_no(is_so, language)


def _unequal(shapes: list[Record]) -> list[tuple[Record, Record]]:
    """Pairs of which the first is clearly larger."""
    pairs = [(first, second) for first in shapes for second in shapes]
    larger = [pair for pair in pairs if pair[0].get("radius", 0) > _CLEARLY_LARGER * pair[1].get("radius", np.inf)]
    return _named_apart(larger, shapes)


def _larger(shapes: list[Record], rng: np.random.Generator, language: str) -> Turns:
    larger, smaller = _one_of(_unequal(shapes), rng)
    first, second = (larger, smaller) if rng.random() < 0.5 else (smaller, larger)
    if language == "zh":
        return f"{_noun(first, language)}和{_noun(second, language)}哪个更大?", f"{_noun(larger, language)}。"
    question = f"Which is larger, {_noun(first, language, 'the')} or {_noun(second, language, 'the')}?"
    return question, f"{_noun(larger, language, 'The')}."
