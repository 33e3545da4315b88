"""A convolution whose result for one image does not depend on how many images come with it."""

import torch
from torch import Tensor, nn


class SteadyConv2d(nn.Conv2d):
    """`nn.Conv2d` that stays with one algorithm on the CPU, whatever the size of the batch.

    On the CPU torch takes oneDNN or a matrix product of its own, by the number of images and threads; the two differ
    in the last bits, so that a clip's faces would depend on the clips beside it. Without oneDNN, or on another device,
    it is `nn.Conv2d`.
    """

    def forward(self, images: Tensor) -> Tensor:
        """Convolve images (N, C_in, H, W), float32."""
        if images.device.type != "cpu" or not torch.backends.mkldnn.is_available():
            return super().forward(images)
        return torch.mkldnn_convolution(
            images, self.weight, self.bias, self.padding, self.stride, self.dilation, self.groups
        )
