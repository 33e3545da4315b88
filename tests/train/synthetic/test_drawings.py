import numpy as np
import pytest

from emotion_qwen.train.synthetic.moving import DIRECTIONS, sample_moving
from emotion_qwen.train.synthetic.setting import background_colour
from emotion_qwen.train.synthetic.shapes import COLOURS
from emotion_qwen.train.synthetic.truths import sample_truths
from emotion_qwen.train.synthetic.words import WORDS, sample_word


def middle_of_drawing(frame: np.ndarray) -> np.ndarray:
    """x and y of the middle of what differs from the ground."""
    differs = np.abs(frame.astype(int) - np.median(frame, (0, 1))).max(-1) > 40
    return np.argwhere(differs).mean(0)[::-1]


def test_shapes_move_where_the_truth_says():
    steps = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
    seen = set()
    for seed in range(30):
        clip = sample_moving(np.random.default_rng(seed), 80, 5)
        assert clip.frames.shape == (5, 80, 80, 3) and clip.frames.dtype == np.uint8
        gone = middle_of_drawing(clip.frames[-1]) - middle_of_drawing(clip.frames[0])
        assert np.dot(gone, steps[clip.direction]) > 10
        seen.add((clip.direction, len(clip.shapes)))
    assert {direction for direction, _ in seen} == set(DIRECTIONS)
    assert {count for _, count in seen} == {1, 2, 3}


def test_one_frame_does_not_move():
    with pytest.raises(ValueError, match="at least 2"):
        sample_moving(np.random.default_rng(0), 80, 1)


def test_a_word_fills_its_picture_and_stays_inside():
    for seed in range(20):
        picture, word = sample_word(np.random.default_rng(seed), 80)
        pixels = np.asarray(picture).astype(int)
        assert word.word in WORDS and word.colour in COLOURS
        near = np.abs(pixels - np.array(COLOURS[word.colour][1])).max(-1) < 30
        columns = np.flatnonzero(near.any(0))
        assert 25 < np.ptp(columns) < 76
        assert not near[0].any() and not near[-1].any()


@pytest.mark.parametrize(
    "colour, name",
    [((20, 20, 20), "dark"), ((230, 230, 230), "light"), ((120, 120, 120), None), ((100, 120, 140), None)]
    + [(COLOURS[name][1], name) for name in ("red", "orange", "yellow", "green", "blue", "purple")],
)
def test_a_background_is_named_where_it_is_certain(colour, name):
    picture = np.full((20, 20, 3), colour, np.uint8)
    assert background_colour(picture, np.zeros((20, 20))) == name


def test_a_background_that_is_hidden_or_uneven_has_no_name():
    picture = np.full((20, 20, 3), (20, 20, 20), np.uint8)
    cover = np.ones((20, 20))
    assert background_colour(picture, cover) is None
    picture[:, ::2] = 250
    assert background_colour(picture, cover * 0) is None


def test_truths_are_of_every_task():
    assert {record["task"] for record in sample_truths(np.random.default_rng(0))} == {
        "emotion",
        "shapes",
        "words",
        "moving",
    }
