import pytest
import torch

from emotion_qwen import EmotionQwenForConditionalGeneration
from emotion_qwen.processing import EmotionQwenProcessor
from emotion_qwen.train.picture_reader import PictureReader

QUESTION = "What colour is the word?"


@pytest.fixture
def reader(nano):
    torch.manual_seed(0)
    model = EmotionQwenForConditionalGeneration.from_pretrained(nano, dtype=torch.float32).eval()
    return PictureReader(model, EmotionQwenProcessor.from_pretrained(nano), 80, 16, {"drawings": 5}).eval()


@pytest.fixture
def pixels():
    return torch.randint(0, 256, (2, 3, 80, 80), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_without_questions_there_is_nothing_to_say(reader, pixels):
    readings = reader(pixels, "drawings", [[], []])
    assert readings.tokens.shape == readings.answer.shape == (2, 5)
    assert readings.spoken_loss == 0
    assert readings.spoken_rightly.tolist() == [False, False]


@torch.no_grad()
def test_looking_reads_the_same_visual_tokens(reader, pixels):
    torch.testing.assert_close(reader.look(pixels, "drawings"), reader(pixels, "drawings", [[], []]).tokens)


@torch.no_grad()
def test_what_is_said_later_does_not_change_what_is_held_where_the_first_answer_begins(reader, pixels):
    short, long = ([(QUESTION, "Red.")], [(QUESTION, "Blue."), ("How many shapes are there?", "Two.")])
    alone = reader(pixels[:1], "drawings", [short])
    padded = reader(pixels, "drawings", [short, long])
    torch.testing.assert_close(padded.answer[:1], alone.answer, atol=1e-5, rtol=1e-4)
    changed = reader(pixels[:1], "drawings", [long])
    torch.testing.assert_close(changed.answer, alone.answer, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_the_spoken_loss_is_the_models_own(reader, pixels):
    turns = [[(QUESTION, "Red.")], [(QUESTION, "Purple.")]]
    inputs, spoken = reader._inputs(pixels, turns)
    labels = inputs["input_ids"].masked_fill(~spoken, -100)
    expected = reader.model(**inputs, labels=labels).loss
    torch.testing.assert_close(reader(pixels, "drawings", turns).spoken_loss, expected, atol=1e-5, rtol=1e-5)


def test_an_answer_that_is_learnt_is_said_rightly(reader, pixels):
    turns = [[(QUESTION, "Red.")], [(QUESTION, "Red.")]]
    assert not reader(pixels, "drawings", turns).spoken_rightly.any()
    optimizer = torch.optim.AdamW(reader.parameters(), lr=3e-3)
    for _ in range(30):
        loss = reader(pixels, "drawings", turns).spoken_loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert reader(pixels, "drawings", turns).spoken_rightly.all()


def test_in_bf16_it_reads_about_the_same(reader, pixels):
    turns = [[(QUESTION, "Red.")], [(QUESTION, "Purple.")]]
    plain = reader(pixels, "drawings", turns)
    reader.bf16 = True
    readings = reader(pixels, "drawings", turns)
    for read in (readings.tokens, readings.answer, readings.spoken_loss, reader.look(pixels, "drawings")):
        assert read.dtype == torch.float32
    assert not torch.equal(readings.tokens, plain.tokens)
    torch.testing.assert_close(readings.tokens, plain.tokens, atol=0.05, rtol=0.05)
    torch.testing.assert_close(readings.spoken_loss, plain.spoken_loss, atol=0.05, rtol=0.05)
