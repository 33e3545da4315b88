"""Questions and answers about what faces show, in English and Chinese, made from the exact truth of a record."""

from emotion_qwen.inference.prompts import LANGUAGES, label_name, label_question, reasoning_question
from emotion_qwen.train.synthetic.expressions import ACTION_UNIT_WORDS, visible_action_units
from emotion_qwen.train.synthetic.number_words import number_word
from emotion_qwen.train.synthetic.records import Record
from emotion_qwen.train.synthetic.setting import SETTINGS

MOMENTS: dict[str, tuple[str, str]] = {
    "beginning": ("at the beginning", "在开头"),
    "middle": ("in the middle", "在中间"),
    "end": ("at the end", "在结尾"),
}
"""English and Chinese words for the third of a clip that its apex lies in."""

RELAXED = ("the face is relaxed", "面部放松")
"""English and Chinese words for a face that does nothing."""


def describe_face(action_units: dict[str, float], language: str, moment: str | None = None) -> str:
    """One sentence that says what the face does, and when.

    Args:
        action_units: Weight by action unit.
        language: "en" or "zh".
        moment: A key of `MOMENTS`, or None where nothing happens over time.
    """
    column = LANGUAGES.index(language)
    phrases = [ACTION_UNIT_WORDS[name][column] for name in visible_action_units(action_units)]
    when = [MOMENTS[moment][column]] if moment else []
    if language == "zh":
        return ",".join([*when, *(phrases or [RELAXED[column]])]) + "。"
    sentence = ", ".join([*when, english_list(phrases or [RELAXED[column]])])
    return sentence[0].upper() + sentence[1:] + "."


def reasoning_answer(
    label: str,
    action_units: dict[str, float],
    language: str,
    moment: str | None = None,
    background: str | None = None,
    people: int = 1,
) -> str:
    """Who is there, what the face does and when, in which setting, hence which emotion; the emotion comes last.

    Args:
        label: The emotion.
        action_units: Weight by action unit.
        language: "en" or "zh".
        moment: When the face does it, see `describe_face`.
        background: Its colour, a key of `SETTINGS`; None leaves it out.
        people: How many there are; one is not mentioned.
    """
    sentences = [describe_face(action_units, language, moment)]
    if people > 1:
        sentences.insert(0, people_sentence(people, language))
    if background:
        sentences.append(_background_sentence(background, language))
    named = label_name(label, language)
    sentences.append(f"这个人的情绪是{named}。" if language == "zh" else f"The emotion is {named}.")
    return ("" if language == "zh" else " ").join(sentences)


def apex_moment(record: Record) -> str | None:
    """The third of a clip that its apex lies in, a key of `MOMENTS`; None for a picture or a neutral face.

    Less than a frame for each moment is as good as a picture.
    """
    if record["kind"] != "video" or record["label"] == "neutral" or record["frames"] < len(MOMENTS):
        return None
    third = 3 * record["apex_frame"] // record["frames"]
    return tuple(MOMENTS)[third]


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
        people = len(record.get("people", [None]))
        answer = reasoning_answer(label, units, language, apex_moment(record), record.get("background"), people)
        return reasoning_question(language), answer
    raise ValueError(f"Unknown kind of question {question!r}: label or reasoning")


def people_sentence(people: int, language: str) -> str:
    """Says how many people there are.

    Args:
        people: 0 to 4.
        language: "en" or "zh".
    """
    if language == "zh":
        return f"有{number_word(people, 'zh')}个人。"
    return (
        f"There {'is' if people == 1 else 'are'} {number_word(people, 'en')} {'person' if people == 1 else 'people'}."
    )


def _background_sentence(background: str, language: str) -> str:
    english, chinese = SETTINGS[background]
    return f"背景是{chinese}。" if language == "zh" else f"The background is {english}."


def english_list(phrases: list[str]) -> str:
    """Joins phrases: "a", "a and b", "a, b and c"."""
    if len(phrases) == 1:
        return phrases[0]
    return ", ".join(phrases[:-1]) + " and " + phrases[-1]
