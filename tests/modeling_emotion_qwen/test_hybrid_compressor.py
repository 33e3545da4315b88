import pytest
import torch
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from emotion_qwen import EmotionQwenVisionConfig, HybridCompressor, mean_gate_weights

from .tiny import VISION, randomise

FRAME_LENGTHS = [8, 16, 4, 16, 8, 8]


def make_compressor(attention: str = "sdpa") -> HybridCompressor:
    config = EmotionQwenVisionConfig(**VISION)
    config._attn_implementation = attention
    compressor = HybridCompressor(config).eval()
    randomise(compressor)
    return compressor


def boundaries(lengths: list[int]) -> torch.Tensor:
    return torch.tensor([0, *lengths]).cumsum(0).int()


@pytest.fixture
def patches():
    return torch.randn(sum(FRAME_LENGTHS), 32, generator=torch.Generator().manual_seed(0))


def test_parameter_count_of_table_6():
    with torch.device("meta"):
        compressor = HybridCompressor(EmotionQwenVisionConfig())
    assert round(sum(p.numel() for p in compressor.parameters()) / 1e6, 2) == 95.74


def test_gate_weights_are_probabilities_that_depend_on_the_patches(patches):
    _, gate = make_compressor()(patches, boundaries(FRAME_LENGTHS))
    assert gate.shape == (len(patches) // 4, 2)
    assert gate.dtype == torch.float32
    assert (gate >= 0).all() and (gate <= 1).all()
    torch.testing.assert_close(gate.sum(-1), torch.ones(len(gate)))
    assert gate[:, 0].std() > 1e-3


def test_output_is_the_gated_sum_of_the_experts(patches):
    compressor = make_compressor()
    tokens, gate = compressor(patches, boundaries(FRAME_LENGTHS))
    normed = compressor.norm(patches)
    emotion, general = compressor.emotion_expert(normed), compressor.general_expert(normed)
    torch.testing.assert_close(tokens, gate[:, :1] * emotion + (1 - gate[:, :1]) * general)


def test_gate_is_the_network_of_figure_2(patches):
    compressor = make_compressor()
    frame = compressor.norm(patches[:8])
    network = compressor.gating_network
    attention = torch.nn.MultiheadAttention(32, 4, batch_first=True)
    with torch.no_grad():
        layers = (network.attention.query, network.attention.key, network.attention.value)
        attention.in_proj_weight.copy_(torch.cat([layer.weight for layer in layers]))
        attention.in_proj_bias.copy_(torch.cat([layer.bias for layer in layers]))
        attention.out_proj.weight.copy_(network.attention.output.weight)
        attention.out_proj.bias.copy_(network.attention.output.bias)
    tokens = attention(frame[None], frame[None], frame[None])[0][0].view(2, 4, 32).mean(1)
    for linear, _, norm in network.blocks:
        tokens = norm(torch.relu(linear(tokens)))
    expected = torch.softmax(network.router(tokens), dim=-1)
    torch.testing.assert_close(network(frame, boundaries([8])), expected)


def test_no_frame_sees_another(patches):
    compressor = make_compressor()
    tokens, gate = compressor(patches, boundaries(FRAME_LENGTHS))
    for start, length in zip(boundaries(FRAME_LENGTHS).tolist(), FRAME_LENGTHS, strict=False):
        alone, gate_alone = compressor(patches[start : start + length], boundaries([length]))
        rows = slice(start // 4, (start + length) // 4)
        torch.testing.assert_close(tokens[rows], alone)
        torch.testing.assert_close(gate[rows], gate_alone)


def test_every_patch_of_a_frame_counts(patches):
    """The gate of a frame's first token reacts to the frame's last patch: it attends, beyond its own block."""
    compressor = make_compressor()
    changed = patches.clone()
    changed[23] += 3  # the last patch of the second frame
    before, after = (compressor(p, boundaries(FRAME_LENGTHS))[1] for p in (patches, changed))
    differs = (before != after).any(-1)
    assert differs[2:6].all()
    assert not differs[:2].any() and not differs[6:].any()


def test_eager_equals_sdpa(patches):
    outputs = [make_compressor(name)(patches, boundaries(FRAME_LENGTHS)) for name in ("eager", "sdpa")]
    torch.testing.assert_close(outputs[0], outputs[1])


def test_flash_attention_gets_all_frames_in_one_packed_call(patches, monkeypatch):
    """Flash attention itself needs a GPU; a stand-in with its calling convention shows that the call is right."""
    calls = []

    def packed_attention(module, query, key, value, attention_mask, **options):
        calls.append(options)
        assert query.shape == (1, 4, len(patches), 8) and attention_mask is None and not options["is_causal"]
        assert options["max_length_q"] == options["max_length_k"] == max(FRAME_LENGTHS)
        lengths = options["cu_seq_lens_q"].diff().tolist()
        frames = zip(*(state.split(lengths, dim=2) for state in (query, key, value)), strict=True)
        attended = [torch.nn.functional.scaled_dot_product_attention(*frame) for frame in frames]
        return torch.cat(attended, dim=2).transpose(1, 2), None

    monkeypatch.setitem(ALL_ATTENTION_FUNCTIONS._global_mapping, "flash_attention_2", packed_attention)
    flash = make_compressor("flash_attention_2")(patches, boundaries(FRAME_LENGTHS))
    torch.testing.assert_close(flash, make_compressor()(patches, boundaries(FRAME_LENGTHS)))
    assert len(calls) == 1


def test_frames_of_a_video_are_attended_to_in_one_call(monkeypatch):
    shapes = []
    sdpa = ALL_ATTENTION_FUNCTIONS["sdpa"]

    def counting(module, query, *args, **options):
        shapes.append(tuple(query.shape))
        return sdpa(module, query, *args, **options)

    monkeypatch.setitem(ALL_ATTENTION_FUNCTIONS._global_mapping, "sdpa", counting)
    make_compressor()(torch.randn(20 * 8, 32), boundaries([8] * 20))
    assert shapes == [(20, 4, 8, 8)]


def test_mean_gate_weights_averages_the_tokens_of_each_item():
    items = (torch.tensor([[1.0, 0.0], [0.5, 0.5]]), torch.tensor([[0.25, 0.75]]))
    assert mean_gate_weights(items).tolist() == [[0.75, 0.25], [0.25, 0.75]]


@torch.no_grad()
def test_an_exported_graph_takes_other_frames_of_equal_length():
    compressor = make_compressor()
    program = torch.export.export(compressor, (torch.randn(32, 32), boundaries([8] * 4)))
    patches = torch.randn(32, 32)
    torch.testing.assert_close(
        program.module()(patches, boundaries([8] * 4)), compressor(patches, boundaries([8] * 4))
    )
