import torch

from emotion_qwen.train.asked_pictures import AskedPictures, collate_asked
from emotion_qwen.train.drawn_pictures import DrawnPictures
from emotion_qwen.train.synthetic.records import read_records


def drawings(faces):
    return DrawnPictures(faces, [record for record in read_records(faces) if record["task"] == "shapes"], side=40)


def test_a_picture_is_asked_different_questions_and_others_at_the_next_visit(faces):
    asked = AskedPictures(drawings(faces), questions=4, label_share=1.0, seed=0)
    visits = [[question for question, _ in asked[0][-1]] for _ in range(5)]
    assert all(1 < len(questions) <= 4 for questions in visits)
    assert all(len(set(questions)) == len(questions) for questions in visits)
    assert len({tuple(questions) for questions in visits}) > 1


def test_without_questions_the_picture_is_all_there_is(faces):
    pictures = drawings(faces)
    pixels, facts, turns = AskedPictures(pictures, questions=0, label_share=1.0, seed=0)[1]
    assert turns == []
    assert torch.equal(pixels, pictures[1][0])
    assert torch.equal(facts, pictures[1][1])


def test_a_batch_stacks_pictures_and_keeps_each_ones_questions(faces):
    asked = AskedPictures(drawings(faces), questions=3, label_share=1.0, seed=0)
    samples = [asked[number] for number in range(4)]
    pixels, facts, turns = collate_asked(samples)
    assert pixels.shape == (4, 3, 40, 40)
    assert len(facts) == 4
    assert turns == [sample[-1] for sample in samples]
