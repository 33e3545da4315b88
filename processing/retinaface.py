"""RetinaFace with a MobileNet-0.25 backbone, batch normalisation folded into the convolutions.

The architecture is that of "RetinaFace: Single-stage Dense Face Localisation in the Wild" (Deng et al., 2019) in its
smallest public form: three pyramid levels, one context module per level, and heads for class, box and five landmarks.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .steady_convolution import SteadyConv2d

STRIDES = (8, 16, 32)
ANCHOR_SIZES = ((16, 32), (64, 128), (256, 512))
INPUT_MULTIPLE = 32
BGR_MEAN = (104.0, 117.0, 123.0)
CENTER_VARIANCE = 0.1
SIZE_VARIANCE = 0.2
LEAKY_SLOPE = 0.1


class ConvLeaky(nn.Sequential):
    """A convolution followed by LeakyReLU(0.1)."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int = 3, stride: int = 1) -> None:
        super().__init__()
        self.conv = SteadyConv2d(in_channels, out_channels, kernel_size, stride, padding=kernel_size // 2)
        self.activation = nn.LeakyReLU(LEAKY_SLOPE, inplace=True)


class DepthwiseSeparableLeaky(nn.Sequential):
    """A 3×3 depthwise and a 1×1 pointwise convolution, each followed by LeakyReLU(0.1)."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.depthwise = SteadyConv2d(in_channels, in_channels, 3, stride, padding=1, groups=in_channels)
        self.depthwise_activation = nn.LeakyReLU(LEAKY_SLOPE, inplace=True)
        self.pointwise = SteadyConv2d(in_channels, out_channels, 1)
        self.pointwise_activation = nn.LeakyReLU(LEAKY_SLOPE, inplace=True)


class MobileNetBody(nn.Module):
    """MobileNet v1 at a quarter of its width: 64, 128 and 256 channels at strides 8, 16 and 32."""

    def __init__(self) -> None:
        super().__init__()
        self.stage1 = nn.Sequential(
            ConvLeaky(3, 8, stride=2),
            DepthwiseSeparableLeaky(8, 16),
            DepthwiseSeparableLeaky(16, 32, stride=2),
            DepthwiseSeparableLeaky(32, 32),
            DepthwiseSeparableLeaky(32, 64, stride=2),
            DepthwiseSeparableLeaky(64, 64),
        )
        self.stage2 = nn.Sequential(
            DepthwiseSeparableLeaky(64, 128, stride=2), *(DepthwiseSeparableLeaky(128, 128) for _ in range(5))
        )
        self.stage3 = nn.Sequential(DepthwiseSeparableLeaky(128, 256, stride=2), DepthwiseSeparableLeaky(256, 256))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the feature maps at strides 8, 16 and 32 of images (N, 3, H, W)."""
        fine = self.stage1(images)
        middle = self.stage2(fine)
        return fine, middle, self.stage3(middle)


class FeaturePyramid(nn.Module):
    """Top-down feature pyramid with 64 channels per level."""

    def __init__(self) -> None:
        super().__init__()
        self.lateral1, self.lateral2, self.lateral3 = (ConvLeaky(width, 64, kernel_size=1) for width in (64, 128, 256))
        self.merge1, self.merge2 = ConvLeaky(64, 64), ConvLeaky(64, 64)

    def forward(self, fine: Tensor, middle: Tensor, coarse: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Merge the coarser levels into the finer ones; spatial sizes stay."""
        fine, middle, coarse = self.lateral1(fine), self.lateral2(middle), self.lateral3(coarse)
        middle = self.merge2(middle + F.interpolate(coarse, size=middle.shape[2:], mode="nearest"))
        fine = self.merge1(fine + F.interpolate(middle, size=fine.shape[2:], mode="nearest"))
        return fine, middle, coarse


class ContextModule(nn.Module):
    """The single-stage headless (SSH) context module: receptive fields of 3, 5 and 7, concatenated."""

    def __init__(self) -> None:
        super().__init__()
        self.conv3 = SteadyConv2d(64, 32, 3, padding=1)
        self.conv5_1 = ConvLeaky(64, 16)
        self.conv5_2 = SteadyConv2d(16, 16, 3, padding=1)
        self.conv7_2 = ConvLeaky(16, 16)
        self.conv7_3 = SteadyConv2d(16, 16, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        """Map features (N, 64, h, w) to (N, 64, h, w)."""
        shared = self.conv5_1(features)
        branches = [self.conv3(features), self.conv5_2(shared), self.conv7_3(self.conv7_2(shared))]
        return F.relu(torch.cat(branches, dim=1))


class RetinaFace(nn.Module):
    """Finds faces with five landmarks in BGR images of any size divisible by 32.

    The number of anchors of an H×W image is `sum(2 · (H / s) · (W / s) for s in STRIDES)`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.body = MobileNetBody()
        self.pyramid = FeaturePyramid()
        self.context = nn.ModuleList(ContextModule() for _ in STRIDES)
        self.class_heads = nn.ModuleList(SteadyConv2d(64, 2 * 2, 1) for _ in STRIDES)
        self.box_heads = nn.ModuleList(SteadyConv2d(64, 2 * 4, 1) for _ in STRIDES)
        self.landmark_heads = nn.ModuleList(SteadyConv2d(64, 2 * 10, 1) for _ in STRIDES)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Score every anchor.

        Args:
            images: uint8 or float32 (N, 3, H, W), channels blue, green, red, values 0–255; H and W are multiples of
                32.

        Returns:
            Face probabilities (N, A), box offsets (N, A, 4) and landmark offsets (N, A, 10), relative to the anchors.
        """
        mean = torch.tensor(BGR_MEAN, dtype=torch.float32, device=images.device).view(1, 3, 1, 1)
        # Channels go last after the subtraction, which is five times slower on three channels that lie together.
        levels = self.pyramid(*self.body((images - mean).contiguous(memory_format=torch.channels_last)))
        levels = [context(level) for context, level in zip(self.context, levels, strict=True)]
        background, face = _per_anchor(self.class_heads, levels, 2).unbind(dim=-1)
        # The softmax over two classes, in one pass.
        return (
            (face - background).sigmoid(),
            _per_anchor(self.box_heads, levels, 4),
            _per_anchor(self.landmark_heads, levels, 10),
        )


def _per_anchor(heads: nn.ModuleList, levels: list[Tensor], width: int) -> Tensor:
    outputs = [head(level).permute(0, 2, 3, 1).flatten(1) for head, level in zip(heads, levels, strict=True)]
    return torch.cat(outputs, dim=1).unflatten(1, (-1, width))


def anchors(height: int, width: int, device: torch.device) -> Tensor:
    """Return the anchors (A, 4) of an image as center x, center y, width, height in pixels."""
    levels = []
    for stride, sizes in zip(STRIDES, ANCHOR_SIZES, strict=True):
        rows = (torch.arange(height // stride, device=device, dtype=torch.float32) + 0.5) * stride
        columns = (torch.arange(width // stride, device=device, dtype=torch.float32) + 0.5) * stride
        y, x, size = torch.meshgrid(
            rows, columns, torch.tensor(sizes, device=device, dtype=torch.float32), indexing="ij"
        )
        levels.append(torch.stack([x, y, size, size], dim=-1).reshape(-1, 4))
    return torch.cat(levels)


def decode_boxes(offsets: Tensor, anchor: Tensor) -> Tensor:
    """Turn box offsets (N, 4) and their anchors (N, 4) into pixel boxes x1, y1, x2, y2."""
    center = anchor[:, :2] + offsets[:, :2] * CENTER_VARIANCE * anchor[:, 2:]
    size = anchor[:, 2:] * (offsets[:, 2:] * SIZE_VARIANCE).exp()
    return torch.cat([center - size / 2, center + size / 2], dim=1)


def decode_landmarks(offsets: Tensor, anchor: Tensor) -> Tensor:
    """Turn landmark offsets (N, 10) into pixel points (N, 5, 2): eyes, nose, mouth corners; image left first."""
    return anchor[:, None, :2] + offsets.unflatten(1, (5, 2)) * CENTER_VARIANCE * anchor[:, None, 2:]
