import pytest
import torch
from torch import nn

from emotion_qwen.vision_emotion_qwen import PatchProjection

from .tiny import tiny_model


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("num_patches", [1, 5])
def test_projects_patches_as_the_convolution_does(num_patches: int, bias: bool) -> None:
    projection = PatchProjection(3, 8, (2, 4, 4), (2, 4, 4), bias=bias)
    patches = torch.randn(num_patches, 3, 2, 4, 4)
    convolved = nn.Conv3d.forward(projection, patches)
    torch.testing.assert_close(projection(patches), convolved)
    projection(patches).square().sum().backward()
    gradient, projection.weight.grad = projection.weight.grad, None
    nn.Conv3d.forward(projection, patches).square().sum().backward()
    torch.testing.assert_close(gradient, projection.weight.grad)


def test_the_tower_projects_its_patches_this_way() -> None:
    projection = tiny_model().model.visual.patch_embed.proj
    assert isinstance(projection, PatchProjection)
    assert projection.kernel_size == projection.stride
