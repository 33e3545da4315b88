import numpy as np
import torch
from PIL import Image

from emotion_qwen.train.drawn_pictures import FACTS, NOTHING, DrawnPictures, encode_facts

SHAPES = {
    "media": "shapes.png",
    "task": "shapes",
    "shapes": [
        {"shape": "star", "colour": "red", "place": "top left", "radius": 0.1},
        {"shape": "cross", "colour": "white", "place": "bottom right", "radius": 0.2},
    ],
}
WORD = {"media": "word.png", "task": "words", "word": "tree", "colour": "blue"}


def decoded(facts):
    chosen = {fact: values[number] for (fact, values), number in zip(FACTS.items(), facts.tolist(), strict=True)}
    return {fact: value for fact, value in chosen.items() if value != NOTHING}


def test_facts_are_all_that_a_drawing_shows():
    assert decoded(encode_facts(SHAPES)) == {
        "shape at the top left": "star",
        "colour at the top left": "red",
        "shape at the bottom right": "cross",
        "colour at the bottom right": "white",
    }
    assert decoded(encode_facts(WORD)) == {"word": "tree", "colour of the word": "blue"}


def test_pictures_are_brought_to_one_side(tmp_path):
    for record, size in ((SHAPES, 80), (WORD, 50)):
        Image.fromarray(np.full((size, size, 3), 7, np.uint8)).save(tmp_path / record["media"])
    pictures = DrawnPictures(tmp_path, [SHAPES, WORD], side=40)
    assert len(pictures) == 2
    for number, record in enumerate((SHAPES, WORD)):
        pixels, facts = pictures[number]
        assert pixels.shape == (3, 40, 40)
        assert pixels.dtype == torch.uint8
        assert (pixels == 7).all()
        assert torch.equal(facts, encode_facts(record))
