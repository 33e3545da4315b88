import pytest
import torch

from emotion_qwen import EmotionQwenVisionConfig
from emotion_qwen.projectors import FusionProjector, MLPProjector, mix

from .tiny import VISION, randomise


@pytest.fixture
def config():
    return EmotionQwenVisionConfig(**VISION)


@pytest.mark.parametrize(("projector", "millions"), [(MLPProjector, 44.57), (FusionProjector, 89.15)])
def test_parameter_count_of_table_6(projector, millions):
    with torch.device("meta"):
        module = projector(EmotionQwenVisionConfig())
    assert round(sum(p.numel() for p in module.parameters()) / 1e6, 2) == millions


def test_mlp_projector_is_norm_then_two_layers_with_relu(config):
    projector = MLPProjector(config)
    randomise(projector)
    patches = torch.randn(8, 32)
    blocks = projector.norm(patches).view(2, 128)
    layers = projector.projection
    expected = torch.relu(blocks @ layers.linear_in.weight.T + layers.linear_in.bias)
    expected = expected @ layers.linear_out.weight.T + layers.linear_out.bias
    torch.testing.assert_close(projector(patches), expected)


def test_fusion_ratio_mixes_the_two_projections(config):
    projector = FusionProjector(config)
    randomise(projector)
    patches = torch.randn(12, 32)
    tokens, ratio = projector(patches, cu_seqlens=torch.tensor([0, 12]))
    assert ratio.shape == (3, 2)
    torch.testing.assert_close(ratio.sum(-1), torch.ones(3))
    normed = projector.norm(patches)
    first, second = projector.first_projection(normed), projector.second_projection(normed)
    torch.testing.assert_close(tokens, ratio[:, :1] * first + ratio[:, 1:] * second)


def test_mix_keeps_the_dtype_of_the_tokens():
    mixed = mix(torch.tensor([[0.25, 0.75]]), torch.ones(1, 3).bfloat16(), torch.zeros(1, 3).bfloat16())
    assert mixed.dtype == torch.bfloat16
    assert mixed.tolist() == [[0.25] * 3]
