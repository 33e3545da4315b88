"""What a model is warmed up on: faces and drawings, with the truth that is read from each and how it is judged."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset

from emotion_qwen.inference.prompts import EMOTION_LABELS
from emotion_qwen.train.augmentation import Augmentation
from emotion_qwen.train.drawn_pictures import FACTS, DrawnPictures
from emotion_qwen.train.face_pictures import FacePictures, FaceTargets
from emotion_qwen.train.synthetic.records import read_records


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


@dataclass
class Faces:
    """Rendered faces: the weight of every action unit, and the label. The general expert rests, as in stage 2.

    Attributes:
        folder: The data set.
        augmentation: How pictures are changed.
        easing_epochs: Visits of a picture until it is changed to the full.
        action_unit_weight: Weight of the action units' loss against that of the label.
        seed: Of the changes.
    """

    folder: Path
    augmentation: Augmentation
    easing_epochs: int
    action_unit_weight: float
    seed: int
    train: FacePictures = field(init=False)
    held_out: FacePictures = field(init=False)
    resting_expert: ClassVar[str] = "general_expert"

    def __post_init__(self) -> None:
        train, held_out = _stills(self.folder, ("emotion",))
        targets = FaceTargets.of(train)
        shared = {"targets": targets, "augmentation": self.augmentation, "seed": self.seed}
        self.train = FacePictures(self.folder, train, easing_epochs=self.easing_epochs, **shared)
        self.held_out = FacePictures(self.folder, held_out, easing_epochs=0, **shared)
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


@dataclass
class Drawings:
    """Drawn shapes and words: every fact of `drawn_pictures`. The emotion expert rests, as in stage 1.

    Attributes:
        folder: The data set.
        side: Side of the pictures, pixels.
    """

    folder: Path
    side: int
    train: DrawnPictures = field(init=False)
    held_out: DrawnPictures = field(init=False)
    resting_expert: ClassVar[str] = "emotion_expert"

    def __post_init__(self) -> None:
        self.train, self.held_out = (
            DrawnPictures(self.folder, records, self.side) for records in _stills(self.folder, ("shapes", "words"))
        )
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


def _stills(folder: Path, tasks: tuple[str, ...]) -> tuple[list[dict], list[dict]]:
    """Records of pictures of the tasks: those for training, and those held out."""
    records = [r for r in read_records(folder) if r["kind"] == "image" and r["task"] in tasks]
    train, held_out = ([r for r in records if r["split"] == split] for split in ("train", "held_out"))
    return train, held_out
