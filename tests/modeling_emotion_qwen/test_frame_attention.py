import pytest
import torch
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import Qwen2_5_VLVisionAttention

from emotion_qwen import EmotionQwenVisionConfig, frame_attention
from emotion_qwen.frame_attention import VisionAttention

from .tiny import VISION, randomise


def make_attention(kind: type, implementation: str) -> torch.nn.Module:
    config = EmotionQwenVisionConfig(**VISION)
    config._attn_implementation = implementation
    attention = kind(config)
    randomise(attention)
    return attention


def inputs(lengths: list[int]) -> tuple[torch.Tensor, torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
    """Patches, where their frames begin, and their cosines and sines."""
    noise = torch.Generator().manual_seed(1)
    boundaries = torch.tensor([0, *lengths]).cumsum(0, dtype=torch.int32)
    angles = torch.rand(sum(lengths), VISION["hidden_size"] // VISION["num_heads"], generator=noise)
    return torch.randn(sum(lengths), VISION["hidden_size"], generator=noise), boundaries, (angles.cos(), angles.sin())


@pytest.mark.parametrize("implementation", ["eager", "sdpa"])
@pytest.mark.parametrize("lengths", [[8], [8, 8, 8], [4, 8, 4, 12, 8], [1, 2, 1]], ids=str)
def test_equals_the_attention_of_qwen2_5_vl(lengths: list[int], implementation: str) -> None:
    patches, boundaries, angles = inputs(lengths)
    attended, gradients = [], []
    for kind in (VisionAttention, Qwen2_5_VLVisionAttention):
        attention = make_attention(kind, implementation)
        attended.append(attention(patches, boundaries, angles))
        attended[-1].square().sum().backward()
        gradients.append(attention.qkv.weight.grad)
    torch.testing.assert_close(*attended)
    torch.testing.assert_close(*gradients)


def test_windows_of_one_length_share_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = []
    sdpa = ALL_ATTENTION_FUNCTIONS["sdpa"]

    def counting(module, query, *args, **options):
        shapes.append((query.shape[0], query.shape[2]))
        return sdpa(module, query, *args, **options)

    monkeypatch.setitem(ALL_ATTENTION_FUNCTIONS._global_mapping, "sdpa", counting)
    make_attention(VisionAttention, "sdpa")(*inputs([4, 8, 4, 8, 4]))
    assert sorted(shapes) == [(2, 8), (3, 4)]


def test_no_patch_sees_another_frame() -> None:
    patches, boundaries, angles = inputs([4, 8, 4])
    attention = make_attention(VisionAttention, "sdpa")
    changed = patches.clone()
    changed[4:12] = 0
    before, after = attention(patches, boundaries, angles), attention(changed, boundaries, angles)
    assert torch.equal(before[:4], after[:4]) and torch.equal(before[12:], after[12:])
    assert not torch.equal(before[4:12], after[4:12])


@pytest.mark.parametrize("lengths", [[8] * 5, [8, 4] * 4], ids=["equal", "mixed"])
def test_long_rows_are_few_in_a_call(lengths: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    attention = make_attention(VisionAttention, "eager")
    together = attention(*inputs(lengths))
    monkeypatch.setattr(frame_attention, "_SCORES_AT_ONCE", 2 * 8**2)
    torch.testing.assert_close(attention(*inputs(lengths)), together)


@torch.no_grad()
@pytest.mark.parametrize("strict", [False, True])
def test_an_exported_graph_takes_other_numbers_of_patches_and_refuses_unequal_frames(strict: bool) -> None:
    attention = make_attention(VisionAttention, "sdpa")
    patches, frames = torch.export.Dim.DYNAMIC, torch.export.Dim.AUTO
    shapes = ({0: patches}, {0: frames}, ({0: patches}, {0: patches}))
    program = torch.export.export(attention, inputs([8] * 4), dynamic_shapes=shapes, strict=strict).module()
    longer = inputs([12] * 4)
    torch.testing.assert_close(program(*longer), attention(*longer))
    with pytest.raises(RuntimeError, match="frames of equal length"):
        program(*inputs([4, 12, 8, 8]))
