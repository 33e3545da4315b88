import pytest

from emotion_qwen.processing import EmotionQwenProcessor
from emotion_qwen.train.spoken_tokens import tokenize_spoken

ASKED = [{"role": "user", "content": "How is she?"}]
TOLD = [*ASKED, {"role": "assistant", "content": "She is happy."}]
END = "<|im_end|>"


@pytest.fixture(scope="module")
def processor(nano):
    return EmotionQwenProcessor.from_pretrained(nano)


def test_only_what_the_assistant_says_is_spoken(processor):
    batch, spoken = tokenize_spoken(processor, [TOLD])
    assert spoken.shape == batch["input_ids"].shape
    assert processor.tokenizer.decode(batch["input_ids"][spoken]) == f"She is happy.{END}"


def test_shorter_conversations_are_padded_on_the_right(processor):
    batch, spoken = tokenize_spoken(processor, [ASKED, TOLD])
    lengths = batch["attention_mask"].sum(1).tolist()
    assert lengths[0] < lengths[1] == batch["input_ids"].shape[1]
    assert batch["attention_mask"][0].tolist() == [1] * lengths[0] + [0] * (lengths[1] - lengths[0])
    assert not spoken[0].any()


def test_a_turn_that_is_begun_is_not_spoken(processor):
    (plain, _), (begun, spoken) = (tokenize_spoken(processor, [ASKED], add) for add in (False, True))
    assert begun["input_ids"].shape[1] > plain["input_ids"].shape[1]
    assert not spoken.any()
