import numpy as np
import pytest

from emotion_qwen.inference.prompts import LANGUAGES
from emotion_qwen.train.synthetic.drawing_sentences import drawing_turns, moving_turns, shape_turns, word_turns
from emotion_qwen.train.synthetic.moving import DIRECTIONS

SHAPES = [
    {"shape": "star", "colour": "orange", "place": "top left", "radius": 0.2},
    {"shape": "circle", "colour": "blue", "place": "bottom right", "radius": 0.12},
]


def asked(turns, record, language: str) -> dict[str, str]:
    """Every question that may be asked, with its answer."""
    return dict(turns(record, np.random.default_rng(seed), language) for seed in range(300))


def test_questions_about_shapes_have_true_answers():
    truth = asked(shape_turns, {"shapes": SHAPES}, "en")
    assert (
        truth.items()
        >= {
            "How many shapes are there?": "Two.",
            "What colour is the shape at the top left?": "Orange.",
            "What shape is at the bottom right?": "A circle.",
            "Describe the picture.": "There is an orange star at the top left and a blue circle at the bottom right.",
            "Is there an orange star?": "Yes.",
            "Is there a red star?": "No.",
            "Is there a person?": "No.",
            "Is the orange star left of the blue circle?": "Yes.",
            "Is the blue circle left of the orange star?": "No.",
            "Which is larger, the orange star or the blue circle?": "The orange star.",
            "Which is larger, the blue circle or the orange star?": "The orange star.",
        }.items()
    )
    assert (
        asked(shape_turns, {"shapes": SHAPES}, "zh").items()
        >= {
            "图中有几个图形?": "两个。",
            "左上角的图形是什么颜色?": "橙色。",
            "请描述图片。": "左上角有一个橙色的星形;右下角有一个蓝色的圆形。",
            "图中有橙色的星形吗?": "是。",
            "橙色的星形在蓝色的圆形的左边吗?": "是。",
            "蓝色的圆形和橙色的星形哪个更大?": "橙色的星形。",
        }.items()
    )


def test_nothing_is_compared_that_has_no_name_of_its_own_or_is_about_as_large():
    twins = [shape | {"shape": "star", "colour": "red"} for shape in SHAPES]
    alike = [shape | {"radius": 0.15} for shape in SHAPES]
    assert not any(
        "left of" in question or "larger" in question for question in asked(shape_turns, {"shapes": twins}, "en")
    )
    assert not any("larger" in question for question in asked(shape_turns, {"shapes": alike}, "en"))


def test_yes_and_no_are_about_equally_often_right():
    rng = np.random.default_rng(0)
    answers = [shape_turns({"shapes": SHAPES}, rng, "en")[1] for _ in range(2000)]
    assert 0.35 < answers.count("Yes.") / (answers.count("Yes.") + answers.count("No.")) < 0.65


def test_a_word_is_read_and_understood():
    record = {"word": "fish", "colour": "red"}
    assert asked(word_turns, record, "en") == {
        "Which word is written here?": "Fish.",
        "What colour is the word?": "Red.",
    }
    assert asked(word_turns, record, "zh") == {
        "这里写的是哪个词?": "Fish。",
        "这个词是什么意思?": "鱼。",
        "文字是什么颜色?": "红色。",
    }


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_where_shapes_move_to(direction, language):
    record = {"task": "moving", "direction": direction, "shapes": SHAPES[:1]}
    answers = asked(drawing_turns, record, language).values()
    assert {"en": f"{direction.capitalize()}.", "zh": f"向{DIRECTIONS[direction]}。"}[language] in answers
    assert {"en": {"One.", "Orange."}, "zh": {"一个。", "橙色。"}}[language] <= set(answers)


def test_the_colour_of_one_of_many_moving_shapes_is_not_asked_for():
    assert len(asked(moving_turns, {"direction": "up", "shapes": SHAPES}, "en")) == 2
