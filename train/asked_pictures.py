"""Pictures with the truth that is read from them and, beside it, questions about them with their answers."""

from typing import Any, Protocol

import numpy as np
from torch.utils.data import Dataset, default_collate

from emotion_qwen.train.synthetic.records import Record
from emotion_qwen.train.synthetic.sentences import ask


class Pictures(Protocol):
    """Pictures that know the records they were made from."""

    records: list[Record]

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        """Pixels and targets."""
        ...


class AskedPictures(Dataset):
    """Adds questions to pictures, other ones at each visit.

    Args:
        pictures: Those to ask about.
        questions: At most so many different ones about each picture; 0: none.
        label_share: Share of the questions about a face that ask for one word; the others ask for the reasons.
        seed: Of the choice.
    """

    def __init__(self, pictures: Pictures, questions: int, label_share: float, seed: int) -> None:
        self.pictures, self.questions, self.label_share, self.seed = pictures, questions, label_share, seed
        self.visits = [0] * len(pictures.records)

    def __len__(self) -> int:
        return len(self.pictures.records)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        """What the picture gives, and a list of questions with their answers."""
        rng = np.random.default_rng([self.seed, index, self.visits[index]])
        self.visits[index] += 1
        turns = ask(self.pictures.records[index], rng, self.questions, self.label_share)
        return *self.pictures[index], turns


def collate_asked(samples: list[tuple[Any, ...]]) -> tuple[Any, ...]:
    """Stacks pictures and targets to tensors; the questions stay a list of one list per picture."""
    return *default_collate([sample[:-1] for sample in samples]), [sample[-1] for sample in samples]
