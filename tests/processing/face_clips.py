"""Clips for the tests of Facial Emotion Capture."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

FIXTURES = Path(__file__).parent / "fixtures"
THREE_EXPRESSIONS = ("happy", "angry", "surprise")


def three_expressions() -> Tensor:
    """A rendered head that is happy, angry and surprised in turn: uint8 (18, 3, 224, 224)."""
    strip = Image.open(FIXTURES / "three_expressions.webp").convert("RGB")
    return torch.from_numpy(np.array(strip)).unflatten(1, (18, 224)).permute(1, 3, 0, 2).contiguous()


def noise(*shape: int) -> Tensor:
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
