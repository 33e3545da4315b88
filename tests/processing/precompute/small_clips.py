"""Clips of a rendered head, small and all different."""

from pathlib import Path

import numpy as np
import torch.nn.functional as F

from emotion_qwen.train.synthetic.video_writing import write_mp4

from ..face_clips import three_expressions


def write_clips(folder: Path, count: int, side: int = 96, num_frames: int = 6) -> list[Path]:
    """Writes clips that differ in where they start and how bright they are."""
    folder.mkdir(parents=True, exist_ok=True)
    head = F.interpolate(three_expressions().float(), side, mode="area").permute(0, 2, 3, 1).numpy()
    paths = [folder / f"{number:03d}.mp4" for number in range(count)]
    for number, path in enumerate(paths):
        frames = np.roll(head, -number, axis=0)[:num_frames] * (1 - 0.4 * number / count)
        write_mp4(path, frames.round().astype(np.uint8), fps=3)
    return paths
