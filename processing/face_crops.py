"""Small copies of frames and faces for the networks, made from uint8 pixels."""

import torch
import torch.nn.functional as F
from torch import Tensor


def resize(images: Tensor, height: int, width: int) -> Tensor:
    """Resize (N, C, H, W) with antialiased bilinear filtering.

    On the CPU, uint8 is filtered as uint8, several times faster than the float filter, and stays uint8. Elsewhere
    torch has no such filter, and uint8 becomes float32 with the values' range kept.
    """
    if images.dtype == torch.uint8 and images.device.type != "cpu":
        images = images.float()
    return F.interpolate(images, size=(height, width), mode="bilinear", antialias=True)


def square_crop(frame: Tensor, box: list[float], scale: float, size: int) -> Tensor:
    """Cut a square around a box out of a frame, black where it reaches beyond.

    Args:
        frame: uint8 (C, H, W).
        box: x1, y1, x2, y2 in pixels.
        scale: Side of the square in units of the longer side of the box.
        size: Side in pixels of the result.

    Returns:
        (1, C, size, size), values 0–255; see `resize` for its dtype.
    """
    height, width = frame.shape[-2:]
    side = max(1, round(max(box[2] - box[0], box[3] - box[1]) * scale))
    left, top = round((box[0] + box[2] - side) / 2), round((box[1] + box[3] - side) / 2)
    inside = frame[:, max(0, top) : max(0, top + side), max(0, left) : max(0, left + side)]
    beyond = (max(0, -left), max(0, left + side - width), max(0, -top), max(0, top + side - height))
    crop = F.pad(inside, beyond) if any(beyond) else inside
    return resize(crop.unsqueeze(0), size, size)
