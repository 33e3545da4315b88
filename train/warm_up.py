"""Warms a model with random weights up on faces, before it learns to answer.

A tower that starts from random weights learns slowly from one word per picture, and a language model that starts so
takes long to look at the right visual tokens. Here two readouts predict the weight of every action unit and the label:
some thirty targets per picture. One reads the visual tokens, each in its place; the other reads what the language
model holds where its answer would begin. Both are thrown away.

`python -m emotion_qwen.train.warm_up --config train/recipes/nano/1_warm_up.yaml`
"""

import logging
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader
from transformers import get_cosine_schedule_with_warmup, set_seed
from trl import TrlParser

from emotion_qwen import EmotionQwenForConditionalGeneration
from emotion_qwen.inference.prompts import EMOTION_LABELS
from emotion_qwen.processing import EmotionQwenProcessor
from emotion_qwen.train.augmentation import Augmentation
from emotion_qwen.train.face_pictures import FacePictures, FaceTargets
from emotion_qwen.train.synthetic.data_set import read_records

logger = logging.getLogger(__name__)

Batch = tuple[Tensor, Tensor, Tensor]


@dataclass
class WarmUpArguments:
    """Every setting of the warm-up.

    Attributes:
        model_name_or_path: The model to warm up, with its processor.
        data: Folder of rendered faces.
        output_dir: Where the warmed model goes.
        augmentation: Fields of `Augmentation`; one side only, for the token readout counts on it.
        easing_epochs: Epochs in which the augmentation grows from none to all of it. With all of it from the start,
            nothing is learnt for thousands of steps.
        steps: Optimiser steps.
        batch_size: Pictures a step.
        learning_rate: At its highest.
        warmup_steps: Steps until then.
        weight_decay: AdamW's.
        action_unit_weight: Weight of the action units' loss against that of the label.
        readout_width: Hidden width of the readouts.
        evaluate_every: Steps between looks at the held-out people.
        seed: Of everything.
    """

    model_name_or_path: str
    data: str
    output_dir: str
    augmentation: dict = field(default_factory=dict)
    easing_epochs: int = 3
    steps: int = 5000
    batch_size: int = 32
    learning_rate: float = 1e-3
    warmup_steps: int = 100
    weight_decay: float = 0.05
    action_unit_weight: float = 1.0
    readout_width: int = 256
    evaluate_every: int = 500
    seed: int = 0


class Readings(NamedTuple):
    """What the two readouts predict: `(batch, units + labels)` each."""

    tokens: Tensor
    answer: Tensor


class FaceReader(nn.Module):
    """The model with its two readouts.

    Args:
        model: The whole model.
        processor: Its processor.
        side: Side of the square pictures, pixels.
        width: Hidden width of the readouts.
        num_units: Action units.
    """

    def __init__(
        self,
        model: EmotionQwenForConditionalGeneration,
        processor: EmotionQwenProcessor,
        side: int,
        width: int,
        num_units: int,
    ) -> None:
        super().__init__()
        self.model = model
        self.processor = processor
        turn = [{"role": "user", "content": [{"type": "image"}]}]
        self.prompt = processor.apply_chat_template(turn, add_generation_prompt=True)
        token_side = side // (processor.image_processor.patch_size * processor.image_processor.merge_size)
        hidden, outputs = model.config.text_config.hidden_size, num_units + len(EMOTION_LABELS)
        self.token_readout = _readout(token_side**2 * hidden, width, outputs)
        self.answer_readout = _readout(hidden, width, outputs)

    def forward(self, pixels: Tensor) -> Readings:
        """Reads pictures, uint8 (batch, 3, side, side)."""
        inputs = self.processor(
            images=list(pixels),
            text=[self.prompt] * len(pixels),
            images_kwargs={"facial_emotion_capture": False},
            return_tensors="pt",
        )
        patches, grids = inputs.pop("pixel_values"), inputs["image_grid_thw"]
        seen = self.model.model.get_image_features(patches, grids, return_dict=True)
        held = self.model.model(**inputs, mm_encoder_outputs={"image": seen}, use_cache=False).last_hidden_state
        tokens = torch.stack(seen.pooler_output).flatten(1)
        return Readings(self.token_readout(tokens), self.answer_readout(held[:, -1]))


def _readout(inputs: int, width: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, width), nn.GELU(), nn.Linear(width, outputs))


def warm_up(arguments: WarmUpArguments) -> Readings:
    """Trains the model and writes it.

    Args:
        arguments: The settings.

    Returns:
        Share of held-out pictures whose label each readout gets right.
    """
    set_seed(arguments.seed)
    model = EmotionQwenForConditionalGeneration.from_pretrained(arguments.model_name_or_path, dtype=torch.float32)
    processor = EmotionQwenProcessor.from_pretrained(arguments.model_name_or_path)
    augmentation = Augmentation(**arguments.augmentation)
    train, held_out = _data_sets(arguments, augmentation)
    num_units = len(train.targets)
    reader = FaceReader(model, processor, augmentation.sides[0], arguments.readout_width, num_units)
    optimizer = torch.optim.AdamW(
        reader.parameters(), lr=arguments.learning_rate, weight_decay=arguments.weight_decay, betas=(0.9, 0.98)
    )
    schedule = get_cosine_schedule_with_warmup(optimizer, arguments.warmup_steps, arguments.steps)
    start, losses, shares = time.perf_counter(), [], Readings(torch.zeros(()), torch.zeros(()))
    for step, batch in enumerate(_batches(train, arguments), start=1):
        loss = _loss(reader, num_units, arguments.action_unit_weight, batch)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(reader.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        if step % arguments.evaluate_every == 0 or step == arguments.steps:
            shares = _held_out_shares(reader, num_units, held_out, arguments.batch_size)
            logger.info(
                "step %d, %.0f s: loss %.3f; held out: tokens %.1f %%, answer %.1f %%",
                step,
                time.perf_counter() - start,
                float(np.mean(losses[-arguments.evaluate_every :])),
                100 * shares.tokens,
                100 * shares.answer,
            )
    model.save_pretrained(arguments.output_dir)
    processor.save_pretrained(arguments.output_dir)
    return shares


def _data_sets(arguments: WarmUpArguments, augmentation: Augmentation) -> tuple[FacePictures, FacePictures]:
    folder = Path(arguments.data)
    records = [r for r in read_records(folder) if r["task"] == "emotion" and r["kind"] == "image"]
    splits = {split: [r for r in records if r["split"] == split] for split in ("train", "held_out")}
    targets = FaceTargets.of(splits["train"])
    train = FacePictures(folder, splits["train"], targets, augmentation, arguments.seed, arguments.easing_epochs)
    return train, FacePictures(folder, splits["held_out"], targets, augmentation, arguments.seed, easing_epochs=0)


def _batches(pictures: FacePictures, arguments: WarmUpArguments) -> Iterator[Batch]:
    """As many batches as there are steps."""
    loader = DataLoader(
        pictures,
        arguments.batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=1,
        persistent_workers=True,
        generator=torch.Generator().manual_seed(arguments.seed),
    )
    left = arguments.steps
    while left:
        for batch in loader:
            yield batch
            left -= 1
            if not left:
                return


def _loss(reader: FaceReader, num_units: int, action_unit_weight: float, batch: Batch) -> Tensor:
    """The sum over both readouts."""
    pixels, units, labels = batch
    reader.train()
    return sum(
        action_unit_weight * F.mse_loss(read[:, :num_units], units) + F.cross_entropy(read[:, num_units:], labels)
        for read in reader(pixels)
    )


@torch.no_grad()
def _held_out_shares(reader: FaceReader, num_units: int, held_out: FacePictures, batch_size: int) -> Readings:
    reader.eval()
    right = torch.zeros(2)
    for pixels, _, labels in DataLoader(held_out, batch_size):
        right += torch.stack([(read[:, num_units:].argmax(-1) == labels).sum() for read in reader(pixels)])
    return Readings(*(right / len(held_out)))


def main() -> None:
    """The command line."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    (arguments,) = TrlParser(WarmUpArguments).parse_args_and_config()
    warm_up(arguments)


if __name__ == "__main__":
    main()
