"""Calibration of the two emotion networks' mean, so that its probabilities match how often they are right.

The plain mean is wrong too often on small faces and slight expressions, and no temperature mends that. One linear
layer over the features of both networks corrects the mean's logits. It was fitted by
weights/fit_emotion_calibration.py on rendered people only, and regularised towards no correction, so that the mean,
which learned from photographs, keeps the lead. benchmarks/fec_calibration.md shows its effect on held-out rendered
people and on the few real faces at hand.
"""

import torch
from torch import Tensor, nn

from .emotion_networks import FaceApiExpressionNet, MiniXception
from .face_capture import EMOTIONS

_LEAST = 1e-6
"""Smallest probability whose logarithm is taken."""


class EmotionCalibration(nn.Module):
    """Corrects mean probabilities p by the features f that they come from: softmax(scale · log p + W f + b)."""

    def __init__(self) -> None:
        super().__init__()
        num_features = MiniXception.num_features + FaceApiExpressionNet.num_features
        self.scale = nn.Parameter(torch.ones(1))
        self.weight = nn.Parameter(torch.zeros(len(EMOTIONS), num_features))
        self.bias = nn.Parameter(torch.zeros(len(EMOTIONS)))

    def forward(self, probabilities: Tensor, features: Tensor, strength: float = 1.0) -> Tensor:
        """Calibrate the probabilities of N faces; each row depends on its own face only, bit for bit.

        Args:
            probabilities: Mean of both networks (N, 7), in the order of `EMOTIONS`.
            features: MiniXception's and then FaceApiExpressionNet's features (N, 128 + 256).
            strength: Share of the correction that is applied, 0 (none: the mean itself) to 1.

        Returns:
            Probabilities (N, 7).
        """
        logits = probabilities.clamp_min(_LEAST).log()
        # Row by row: a matrix product of one row is rounded otherwise than one of several.
        correction = (self.scale - 1) * logits + (features.unsqueeze(1) * self.weight).sum(dim=-1) + self.bias
        return (logits + strength * correction).softmax(dim=-1)
