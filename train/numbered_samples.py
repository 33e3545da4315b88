"""A mixture as the trainer takes it: a data set of numbers, whose samples are drawn when they are asked for."""

import math
from typing import Any

from datasets import Dataset

from emotion_qwen.train.data.mixture import Mixture


def numbered(mixture: Mixture, epochs: float) -> Dataset:
    """A data set with a number for each sample of each epoch.

    Args:
        mixture: Draws samples by number.
        epochs: Of the run.

    Returns:
        Rows with `messages` and `face_captures`; nothing of them is stored.
    """

    def draw(batch: dict[str, list[int]]) -> dict[str, list[Any]]:
        drawn = [mixture[index] for index in batch["sample"]]
        return {column: [sample.get(column) for sample in drawn] for column in ("messages", "face_captures")}

    return Dataset.from_dict({"sample": range(len(mixture) * math.ceil(epochs))}).with_transform(draw)
