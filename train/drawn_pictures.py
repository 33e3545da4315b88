"""Drawings as dense targets: what stands in each quarter and in which colour, or which word in which colour."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from emotion_qwen.train.synthetic.records import Record
from emotion_qwen.train.synthetic.shapes import COLOURS, PLACES, SHAPES
from emotion_qwen.train.synthetic.words import WORDS

NOTHING = "nothing"
_PARTS = ("shape", "colour")
"""What is known of the shape in each quarter."""
_SHAPE_NAMES, _COLOUR_NAMES = (NOTHING, *SHAPES), (NOTHING, *COLOURS)
FACTS: dict[str, tuple[str, ...]] = {
    **{f"shape at the {place}": _SHAPE_NAMES for place in PLACES},
    **{f"colour at the {place}": _COLOUR_NAMES for place in PLACES},
    "word": (NOTHING, *WORDS),
    "colour of the word": _COLOUR_NAMES,
}
"""What is asked of every drawing, and the values to choose from."""


def encode_facts(record: Record) -> Tensor:
    """The number of each fact's true value, int64 (facts,).

    Args:
        record: Of the task "shapes" or "words".
    """
    known = {f"{part} at the {shape['place']}": shape[part] for shape in record.get("shapes", ()) for part in _PARTS}
    if "word" in record:
        known |= {"word": record["word"], "colour of the word": record["colour"]}
    return torch.tensor([values.index(known.get(fact, NOTHING)) for fact, values in FACTS.items()])


class DrawnPictures(Dataset):
    """Drawings, each as it was drawn.

    Args:
        folder: The data set.
        records: Those to take, of the tasks "shapes" and "words".
        side: Side of the square pictures, pixels.
    """

    def __init__(self, folder: Path, records: list[Record], side: int) -> None:
        self.records = records
        opened = (Image.open(folder / record["media"]).convert("RGB") for record in records)
        self.pictures = [np.asarray(picture.resize((side, side), Image.Resampling.BILINEAR)) for picture in opened]

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """A picture uint8 (3, side, side), and its facts, see `encode_facts`."""
        pixels = np.ascontiguousarray(self.pictures[index].transpose(2, 0, 1))
        return torch.from_numpy(pixels), encode_facts(self.records[index])
