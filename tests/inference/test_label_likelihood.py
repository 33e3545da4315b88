"""Likelihoods from the shared cache are those of whole sequences read one by one."""

import pytest
import torch

from emotion_qwen.inference.label_likelihood import answer_log_likelihoods, label_probabilities

from ..modeling_emotion_qwen.tiny import prompt, tiny_model, words

GRID = (2, 8, 8)
ANSWERS = [[10, 2], [11, 12, 13, 2], [2], [14, 15, 2]]


def whole_sequence(model, inputs: dict, answer: list[int]) -> float:
    length = inputs["input_ids"].shape[1]
    row = torch.cat([inputs["input_ids"], torch.tensor([answer])], dim=1)
    padded = {
        "input_ids": row,
        "attention_mask": torch.ones_like(row),
        "mm_token_type_ids": torch.nn.functional.pad(inputs["mm_token_type_ids"], (0, len(answer))),
    }
    with torch.no_grad():
        logits = model(**{**inputs, **padded}).logits[0, length - 1 : -1]
    return logits.log_softmax(-1)[range(len(answer)), answer].sum().item()


@pytest.mark.parametrize("backbone", ["qwen", "llama"])
@pytest.mark.parametrize("kind", ["image", "video"])
def test_sums_equal_those_of_whole_sequences(backbone, kind):
    model = tiny_model(backbone)
    inputs = prompt(words(5), (kind, GRID if kind == "video" else (1, 8, 8)), words(4, seed=1))
    got = answer_log_likelihoods(model, inputs, ANSWERS)
    wanted = torch.tensor([whole_sequence(model, inputs, answer) for answer in ANSWERS])
    torch.testing.assert_close(got, wanted, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("backbone", ["qwen", "llama"])
def test_another_prompt_that_is_read_meanwhile_changes_nothing(backbone):
    """As another thread may have the model do between the reading of the prompt and that of the answers."""
    model = tiny_model(backbone)
    inputs, other = prompt(words(5), ("image", (1, 8, 8)), words(4)), prompt(words(3), ("video", GRID), words(2))
    expected = label_probabilities(model, inputs, ANSWERS)

    def read_another(*_):
        hook.remove()
        model(**other)

    hook = model.register_forward_hook(read_another)
    assert torch.equal(label_probabilities(model, inputs, ANSWERS), expected)


def test_probabilities_sum_to_one_and_follow_the_order():
    model = tiny_model()
    inputs = prompt(words(5), ("image", (1, 8, 8)), words(4))
    forward = label_probabilities(model, inputs, ANSWERS)
    backward = label_probabilities(model, inputs, ANSWERS[::-1])
    assert forward.sum().item() == pytest.approx(1, abs=1e-6)
    torch.testing.assert_close(forward, backward.flip(0), atol=1e-5, rtol=1e-4)


def test_answers_of_one_token_need_no_second_pass():
    model = tiny_model()
    inputs = prompt(words(6))
    got = answer_log_likelihoods(model, inputs, [[3], [9]])
    wanted = torch.tensor([whole_sequence(model, inputs, [3]), whole_sequence(model, inputs, [9])])
    torch.testing.assert_close(got, wanted, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("answers", [[], [[3], []]])
def test_empty_answers_are_refused(answers):
    with pytest.raises(ValueError, match="at least one token"):
        answer_log_likelihoods(tiny_model(), prompt(words(3)), answers)
