import pytest

from emotion_qwen.train.tokenizer import SPECIAL_TOKENS, train_tokenizer

SENTENCES = ["The lip corners are pulled up.", "嘴角上扬。", "happy"] * 20


def test_any_text_comes_back():
    tokenizer = train_tokenizer(SENTENCES, 320)
    for text in ("The lip corners are pulled up.", "嘴角上扬。", "Ünïcode, 絵文字 🙂, and\ttabs\n"):
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_what_was_learnt_takes_fewer_tokens_than_bytes():
    tokenizer = train_tokenizer(SENTENCES, 400)
    assert len(tokenizer("happy")["input_ids"]) < len("happy")
    assert len(tokenizer("嘴角上扬。")["input_ids"]) < len("嘴角上扬。".encode())


def test_special_tokens_are_one_token_each_and_named_for_the_processor():
    tokenizer = train_tokenizer(SENTENCES, 320)
    for token in SPECIAL_TOKENS:
        assert len(tokenizer(token)["input_ids"]) == 1
    assert tokenizer.image_token == "<|image_pad|>"
    assert tokenizer.eos_token == "<|im_end|>"


def test_prompts_of_a_batch_end_together():
    mask = train_tokenizer(SENTENCES, 320)(["happy", "happy happy"], padding=True)["attention_mask"]
    assert not all(mask[0]) and mask[0][-1] == 1


def test_a_vocabulary_that_cannot_hold_every_byte_is_refused():
    with pytest.raises(ValueError, match="can't hold 256 bytes"):
        train_tokenizer(SENTENCES, 200)
