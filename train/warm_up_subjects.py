"""What a model is warmed up on: faces and drawings, with the truth that is read from each and how it is judged."""

from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset

from emotion_qwen.inference.prompts import EMOTION_LABELS
from emotion_qwen.train.augmentation import Augmentation
from emotion_qwen.train.drawn_pictures import FACTS, DrawnPictures
from emotion_qwen.train.face_pictures import FacePictures, FaceTargets
from emotion_qwen.train.synthetic.records import Record, read_records


class Subject(Protocol):
    """One kind of picture.

    Attributes:
        resting_expert: The expert that does not learn from it, as in the stage of training that it stands for.
        train: Pictures to learn from: pixels uint8 (3, side, side), and targets.
        held_out: Pictures to be judged by.
        outputs: Numbers that are predicted of a picture.
    """

    resting_expert: str
    train: Dataset
    held_out: Dataset
    outputs: int

    def loss(self, read: Tensor, *targets: Tensor) -> Tensor:
        """How far a reading (batch, outputs) is from the truth."""
        ...

    def is_right(self, read: Tensor, *targets: Tensor) -> Tensor:
        """Which pictures are read rightly: bool (batch,)."""
        ...


class Faces:
    """Rendered faces: the weight of every action unit, and the label. The general expert rests, as in stage 2.

    Args:
        folder: The data set.
        augmentation: How pictures are changed.
        easing_epochs: Visits of a picture until it is changed to the full.
        action_unit_weight: Weight of the action units' loss against that of the label.
        seed: Of the changes.
    """

    resting_expert = "general_expert"

    def __init__(
        self, folder: Path, augmentation: Augmentation, easing_epochs: int, action_unit_weight: float, seed: int
    ) -> None:
        train, held_out = _stills(folder, ("emotion",))
        targets = FaceTargets.of(train)
        self.train = FacePictures(folder, train, targets, augmentation, seed, easing_epochs)
        self.held_out = FacePictures(folder, held_out, targets, augmentation, seed, easing_epochs=0)
        self.action_unit_weight = action_unit_weight
        self.units = len(targets)
        self.outputs = self.units + len(EMOTION_LABELS)

    def loss(self, read: Tensor, units: Tensor, labels: Tensor) -> Tensor:
        """See `Subject.loss`."""
        label_loss = F.cross_entropy(read[:, self.units :], labels)
        return self.action_unit_weight * F.mse_loss(read[:, : self.units], units) + label_loss

    def is_right(self, read: Tensor, units: Tensor, labels: Tensor) -> Tensor:
        """See `Subject.is_right`: by the label."""
        del units
        return read[:, self.units :].argmax(-1) == labels


class Drawings:
    """Drawn shapes and words: every fact of `drawn_pictures`. The emotion expert rests, as in stage 1.

    Args:
        folder: The data set.
        side: Side of the pictures, pixels.
    """

    resting_expert = "emotion_expert"

    def __init__(self, folder: Path, side: int) -> None:
        train, held_out = _stills(folder, ("shapes", "words"))
        self.train, self.held_out = DrawnPictures(folder, train, side), DrawnPictures(folder, held_out, side)
        self.side = side
        self.sizes = [len(values) for values in FACTS.values()]
        self.outputs = sum(self.sizes)

    def loss(self, read: Tensor, facts: Tensor) -> Tensor:
        """See `Subject.loss`."""
        choices = zip(read.split(self.sizes, dim=1), facts.unbind(1), strict=True)
        return torch.stack([F.cross_entropy(choice, fact) for choice, fact in choices]).mean()

    def is_right(self, read: Tensor, facts: Tensor) -> Tensor:
        """See `Subject.is_right`: by all facts of a picture."""
        chosen = torch.stack([choice.argmax(-1) for choice in read.split(self.sizes, dim=1)], dim=1)
        return (chosen == facts).all(1)


def _stills(folder: Path, tasks: tuple[str, ...]) -> tuple[list[Record], list[Record]]:
    """Records of pictures of the tasks: those for training, and those held out."""
    records = [r for r in read_records(folder) if r["kind"] == "image" and r["task"] in tasks]
    train, held_out = ([r for r in records if r["split"] == split] for split in ("train", "held_out"))
    return train, held_out
