"""Rendered faces as dense targets: the weight of every action unit, and the label."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from emotion_qwen.inference.prompts import EMOTION_LABELS
from emotion_qwen.train.augmentation import Augmentation, augment_face
from emotion_qwen.train.synthetic.records import Record


@dataclass(frozen=True)
class FaceTargets:
    """What is predicted of a face.

    Attributes:
        units: Names of the action units.
        mean: Mean weight of each unit, float64 (number of units,).
        deviation: Deviation of each, likewise; above 0.
    """

    units: tuple[str, ...]
    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def of(cls, records: list[Record]) -> "FaceTargets":
        """Finds the units of a data set and how they vary."""
        units = tuple(sorted({unit for record in records for unit in record["action_units"]}))
        weights = np.stack([_weights(record, units) for record in records])
        return cls(units, weights.mean(0), weights.std(0) + 1e-3)

    def __len__(self) -> int:
        return len(self.units)

    def encode(self, record: Record) -> Tensor:
        """Standardised weights of the action units, float32 (number of units,)."""
        return torch.from_numpy((_weights(record, self.units) - self.mean) / self.deviation).float()


def _weights(record: Record, units: Sequence[str]) -> np.ndarray:
    return np.array([record["action_units"].get(unit, 0.0) for unit in units])


class FacePictures(Dataset):
    """Rendered faces, framed and lit anew each time.

    Args:
        folder: The data set.
        records: Those to take.
        targets: How action units are encoded.
        augmentation: How pictures are changed.
        seed: Of the changes.
        easing_epochs: Visits of a picture until it is changed to the full; with 0 it is changed in the same way each
            time.
    """

    def __init__(
        self,
        folder: Path,
        records: list[Record],
        targets: FaceTargets,
        augmentation: Augmentation,
        seed: int,
        easing_epochs: int,
    ) -> None:
        self.records, self.targets, self.augmentation = records, targets, augmentation
        self.seed, self.easing_epochs = seed, easing_epochs
        self.pictures = [np.asarray(Image.open(folder / record["media"]).convert("RGB")) for record in records]
        self.visits = [0] * len(records)

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, int]:
        """A picture uint8 (3, side, side), its encoded action units and its label's number."""
        rng = np.random.default_rng([self.seed, index, self.visits[index]])
        augmentation = self.augmentation
        if self.easing_epochs:
            augmentation = augmentation.eased(min(1.0, self.visits[index] / self.easing_epochs))
            self.visits[index] += 1
        record = self.records[index]
        picture, _ = augment_face(self.pictures[index], record["face_box"], rng, augmentation)
        pixels = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))
        return pixels, self.targets.encode(record), EMOTION_LABELS.index(record["label"])
