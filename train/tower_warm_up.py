"""Warms the vision tower and the compressor up on faces, before the language model reads them.

A tower that starts from random weights learns slowly from one word per picture. Here a readout that knows where each
visual token lies predicts the weight of every action unit, the head's turn and the label: some thirty targets per
picture, at a third of the cost of a pass through the whole model. The readout is thrown away.

`python -m emotion_qwen.train.tower_warm_up --config train/recipes/nano/1_tower.yaml`
"""

import logging
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from transformers import HfArgumentParser, get_cosine_schedule_with_warmup, set_seed

from emotion_qwen import EmotionQwenForConditionalGeneration
from emotion_qwen.inference.prompts import EMOTION_LABELS
from emotion_qwen.processing import EmotionQwenProcessor
from emotion_qwen.train.augmentation import Augmentation, augment_face
from emotion_qwen.train.synthetic.data_set import read_records

logger = logging.getLogger(__name__)


@dataclass
class WarmUpArguments:
    """Every setting of the warm-up.

    Attributes:
        model_name_or_path: The model to warm up, with its processor.
        data: Folder of rendered faces.
        output_dir: Where the warmed model goes.
        augmentation: Fields of `Augmentation`; one side only, for the readout counts on it.
        easing_epochs: Epochs in which the augmentation grows from none to all of it. With all of it from the start,
            nothing is learnt for thousands of steps.
        steps: Optimiser steps.
        batch_size: Pictures a step.
        learning_rate: At its highest.
        warmup_steps: Steps until then.
        weight_decay: AdamW's.
        action_unit_weight: Weight of the action units' loss against that of the label.
        readout_width: Hidden width of the readout.
        evaluate_every: Steps between looks at the held-out people.
        seed: Of everything.
    """

    model_name_or_path: str
    data: str
    output_dir: str
    augmentation: dict = field(default_factory=dict)
    easing_epochs: int = 3
    steps: int = 3000
    batch_size: int = 32
    learning_rate: float = 1e-3
    warmup_steps: int = 100
    weight_decay: float = 0.05
    action_unit_weight: float = 4.0
    readout_width: int = 256
    evaluate_every: int = 500
    seed: int = 0


@dataclass(frozen=True)
class FaceTargets:
    """What the readout predicts.

    Attributes:
        units: Names of the action units.
        mean: Mean weight of each unit.
        deviation: Deviation of each.
    """

    units: tuple[str, ...]
    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def of(cls, records: list[dict]) -> "FaceTargets":
        """Finds the units of a data set and how they vary."""
        units = tuple(sorted({unit for record in records for unit in record["action_units"]}))
        weights = np.array([[record["action_units"].get(unit, 0.0) for unit in units] for record in records])
        return cls(units, weights.mean(0), weights.std(0) + 1e-3)

    def __len__(self) -> int:
        return len(self.units)

    def encode(self, record: dict) -> Tensor:
        """Standardised weights of the action units, float32 (number of units,)."""
        weights = np.array([record["action_units"].get(unit, 0.0) for unit in self.units])
        return torch.from_numpy((weights - self.mean) / self.deviation).float()


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
        records: list[dict],
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


class TowerReadout(nn.Module):
    """The vision tower with a readout that knows the place of every visual token.

    Args:
        tower: Vision tower with its compressor.
        num_tokens: Visual tokens of a picture.
        width: Hidden width.
        num_units: Action units.
    """

    def __init__(self, tower: nn.Module, num_tokens: int, width: int, num_units: int) -> None:
        super().__init__()
        self.tower = tower
        self.num_tokens = num_tokens
        self.num_units = num_units
        self.readout = nn.Sequential(
            nn.Linear(num_tokens * tower.config.out_hidden_size, width),
            nn.GELU(),
            nn.Linear(width, num_units + len(EMOTION_LABELS)),
        )

    def forward(self, pixel_values: Tensor, grid_thw: Tensor) -> tuple[Tensor, Tensor]:
        """Predicts the action units `(batch, units)` and the logits of the labels `(batch, 7)`."""
        tokens = self.tower(pixel_values, grid_thw).pooler_output
        read = self.readout(tokens.reshape(len(grid_thw), -1))
        return read[:, : self.num_units], read[:, self.num_units :]


def warm_up(arguments: WarmUpArguments) -> float:
    """Trains the tower and writes the model.

    Args:
        arguments: The settings.

    Returns:
        Share of held-out pictures whose label the readout gets right.
    """
    set_seed(arguments.seed)
    model = EmotionQwenForConditionalGeneration.from_pretrained(arguments.model_name_or_path, dtype=torch.float32)
    processor = EmotionQwenProcessor.from_pretrained(arguments.model_name_or_path)
    augmentation = Augmentation(**arguments.augmentation)
    train, held_out = _data_sets(arguments, augmentation)
    side = augmentation.sides[0] // (processor.image_processor.patch_size * processor.image_processor.merge_size)
    trained = TowerReadout(model.model.visual, side * side, arguments.readout_width, len(train.targets))
    optimizer = torch.optim.AdamW(
        trained.parameters(), lr=arguments.learning_rate, weight_decay=arguments.weight_decay, betas=(0.9, 0.98)
    )
    schedule = get_cosine_schedule_with_warmup(optimizer, arguments.warmup_steps, arguments.steps)
    loader = DataLoader(
        train,
        arguments.batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=1,
        persistent_workers=True,
        generator=torch.Generator().manual_seed(arguments.seed),
    )
    start, step, accuracy, losses = time.perf_counter(), 0, 0.0, []
    while step < arguments.steps:
        for pixels, units, labels in loader:
            loss = _loss(trained, processor, arguments, pixels, units, labels)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(trained.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
            step += 1
            if step % arguments.evaluate_every == 0 or step == arguments.steps:
                accuracy = _held_out_accuracy(trained, processor, held_out, arguments.batch_size)
                seconds = time.perf_counter() - start
                mean = float(np.mean(losses[-arguments.evaluate_every :]))
                logger.info("step %d, %.0f s: loss %.3f, held out %.1f %%", step, seconds, mean, 100 * accuracy)
            if step == arguments.steps:
                break
    model.save_pretrained(arguments.output_dir)
    processor.save_pretrained(arguments.output_dir)
    return accuracy


def _data_sets(arguments: WarmUpArguments, augmentation: Augmentation) -> tuple[FacePictures, FacePictures]:
    folder = Path(arguments.data)
    records = [r for r in read_records(folder) if r["task"] == "emotion" and r["kind"] == "image"]
    splits = {split: [r for r in records if r["split"] == split] for split in ("train", "held_out")}
    targets = FaceTargets.of(splits["train"])
    train = FacePictures(folder, splits["train"], targets, augmentation, arguments.seed, arguments.easing_epochs)
    return train, FacePictures(folder, splits["held_out"], targets, augmentation, arguments.seed, easing_epochs=0)


def _patches(processor: EmotionQwenProcessor, pixels: Tensor) -> tuple[Tensor, Tensor]:
    patches = processor.image_processor(list(pixels), facial_emotion_capture=False, return_tensors="pt")
    return patches["pixel_values"], patches["image_grid_thw"]


def _loss(
    trained: TowerReadout,
    processor: EmotionQwenProcessor,
    arguments: WarmUpArguments,
    pixels: Tensor,
    units: Tensor,
    labels: Tensor,
) -> Tensor:
    trained.train()
    read_units, logits = trained(*_patches(processor, pixels))
    return arguments.action_unit_weight * F.mse_loss(read_units, units) + F.cross_entropy(logits, labels)


@torch.no_grad()
def _held_out_accuracy(
    trained: TowerReadout, processor: EmotionQwenProcessor, held_out: FacePictures, batch_size: int
) -> float:
    trained.eval()
    right = 0
    for pixels, _, labels in DataLoader(held_out, batch_size):
        right += int((trained(*_patches(processor, pixels))[1].argmax(-1) == labels).sum())
    return right / len(held_out)


def main() -> None:
    """The command line."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    (arguments,) = HfArgumentParser(WarmUpArguments).parse_yaml_file(sys.argv[sys.argv.index("--config") + 1])
    warm_up(arguments)


if __name__ == "__main__":
    main()
