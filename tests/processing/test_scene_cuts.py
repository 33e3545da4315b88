import pytest
import torch
from torch import Tensor

from emotion_qwen.processing.scene_cuts import find_cuts

from .face_clips import noise, three_expressions


def scene(seed: int, length: int, height: int = 48, width: int = 80) -> Tensor:
    """A still shot of blocks in a few colours, with a little noise: uint8 (length, 3, height, width)."""
    generator = torch.Generator().manual_seed(seed)
    palette = torch.randint(20, 230, (4, 3), generator=generator)
    blocks = palette[torch.randint(0, 4, (6, 10), generator=generator)].permute(2, 0, 1)
    picture = blocks.repeat_interleave(height // 6, 1).repeat_interleave(width // 10, 2)
    grain = torch.randint(-4, 5, (length, 3, height, width), generator=generator)
    return (picture + grain).clamp(0, 255).to(torch.uint8)


def test_cuts_are_where_another_shot_begins():
    clip = torch.cat([scene(1, 4), scene(2, 3), scene(1, 1), scene(3, 2)])
    assert find_cuts(clip, 0.35) == [4, 7, 8]
    assert find_cuts(clip, 1.0) == []


def test_a_moving_camera_is_no_cut():
    wide = scene(1, 1, 96, 160)
    pan = torch.cat([wide[..., 10:90, 8 * step : 8 * step + 80] for step in range(10)])
    assert find_cuts(pan, 0.35) == []


def test_flashes_and_fades_are_no_cuts():
    clip = scene(4, 8).float()
    light = torch.tensor([1.0, 1.0, 1.6, 1.0, 0.8, 0.6, 0.4, 0.3])
    assert find_cuts((clip * light[:, None, None, None]).clamp(0, 255).to(torch.uint8), 0.35) == []


def test_a_changing_face_is_no_cut():
    assert find_cuts(three_expressions(), 0.35) == []


@pytest.mark.parametrize("shape", [(0, 3, 8, 8), (1, 3, 8, 8), (3, 3, 1, 1), (3, 3, 1, 500), (4, 3, 2160, 64)])
def test_any_size_is_looked_at(shape):
    assert all(0 < cut < shape[0] for cut in find_cuts(noise(*shape), 0.35))


def test_the_same_frame_is_never_cut():
    assert find_cuts(noise(1, 3, 50, 50).expand(5, -1, -1, -1), 0.0) == []
