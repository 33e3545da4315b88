from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import eager_attention_forward

from emotion_qwen.inference.checkpoint import load_model
from emotion_qwen.train import attention
from emotion_qwen.train.attention import EAGER_BF16, choose_attention, eager_bf16_attention

SCALING = 0.25


def module(groups: int = 2, training: bool = False) -> SimpleNamespace:
    return SimpleNamespace(num_key_value_groups=groups, training=training)


def states(key_value_heads: int = 2) -> tuple[torch.Tensor, ...]:
    """Queries, keys and values of two rows: four heads, five places."""
    noise = torch.Generator().manual_seed(0)
    shapes = [(2, heads, 5, 16) for heads in (4, key_value_heads, key_value_heads)]
    return tuple(torch.randn(shape, generator=noise).requires_grad_() for shape in shapes)


def causal_mask() -> torch.Tensor:
    """Nobody looks ahead; the second row begins with two places of padding, which see and show nothing."""
    seen = torch.ones(5, 5).tril().bool().repeat(2, 1, 1, 1)
    seen[1, :, :, :2] = False
    return torch.zeros(seen.shape).masked_fill(~seen, torch.finfo(torch.float32).min)


@pytest.mark.parametrize("mask", [None, causal_mask()], ids=["all", "causal"])
@pytest.mark.parametrize("key_value_heads", [4, 2, 1])
def test_equals_eager_attention_in_float32(mask, key_value_heads):
    attended, gradients = [], []
    for attend in (eager_bf16_attention, eager_attention_forward):
        inputs = states(key_value_heads)
        attended.append(attend(module(4 // key_value_heads), *inputs, mask, scaling=SCALING))
        attended[-1][0].square().sum().backward()
        gradients.append([state.grad for state in inputs])
    torch.testing.assert_close(*attended)
    torch.testing.assert_close(*gradients)


def test_under_autocast_the_weights_stay_bfloat16_and_are_right_to_its_precision():
    exact, _ = eager_bf16_attention(module(), *states(), causal_mask(), scaling=SCALING)
    with torch.autocast("cpu", torch.bfloat16):
        attended, weights = eager_bf16_attention(module(), *states(), causal_mask(), scaling=SCALING)
        assert torch.is_autocast_enabled("cpu")
        _, widened = eager_attention_forward(module(), *states(), causal_mask(), scaling=SCALING)
    assert (attended.dtype, weights.dtype) == (torch.bfloat16, torch.bfloat16)
    torch.testing.assert_close(attended.float(), exact, rtol=0.05, atol=0.05)
    torch.testing.assert_close(weights.float(), widened.float(), rtol=0.05, atol=0.02)
    assert (weights[1, :, 2:, :2] == 0).all()
    assert weights[1, :, :2].isfinite().all(), "where a row of the mask leaves nothing to see"


def test_module_without_groups_has_a_key_for_every_query():
    attended, weights = eager_bf16_attention(SimpleNamespace(training=False), *states(4), None, scaling=SCALING)
    assert (attended.shape, weights.shape) == ((2, 5, 4, 16), (2, 4, 5, 5))


@pytest.mark.parametrize("training", [True, False])
def test_weights_are_left_out_in_training_alone(training):
    torch.manual_seed(0)
    _, weights = eager_bf16_attention(module(training=training), *states(), None, scaling=SCALING, dropout=0.5)
    assert (weights == 0).any() == training


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("padded", [[1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1]], ids=["right", "left"])
def test_whole_model_answers_as_with_sdpa_padding_included(nano: Path, padded: list[int], bf16: bool):
    ids, real = torch.arange(12).reshape(2, 6), torch.tensor([[1] * 6, padded])
    exact = load_model(nano, torch.float32, "sdpa").eval()(input_ids=ids, attention_mask=real).logits[real.bool()]
    model = load_model(nano, torch.float32, EAGER_BF16).eval()
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        logits = model(input_ids=ids, attention_mask=real).logits[real.bool()]
    error = (logits.float() - exact).norm() / exact.norm()
    assert error < (0.05 if bf16 else 1e-5)


@pytest.mark.parametrize(("installed", "chosen"), [(True, "flash_attention_2"), (False, "sdpa")])
def test_auto_is_the_fastest_that_is_there(monkeypatch, installed, chosen):
    monkeypatch.setattr(attention, "is_flash_attn_2_available", lambda: installed)
    assert choose_attention("auto") == chosen


@pytest.mark.parametrize(("wanted", "chosen"), [(None, "sdpa"), ("eager", "eager"), (EAGER_BF16, EAGER_BF16)])
def test_what_is_named_is_chosen(wanted, chosen):
    assert choose_attention(wanted) == chosen
