"""Warms a model with random weights up on faces and drawings, before it learns to answer.

A tower that starts from random weights learns slowly from one word per picture, and a language model that starts so
takes long to look at the right visual tokens. Here readouts predict all that is known of a picture: the weight of
every action unit and the label of a face, every shape, word and colour of a drawing. Faces teach the emotion expert
and drawings the general expert, so that the gate has something to choose between from the start.

`python -m emotion_qwen.train.warm_up nano/warm_up`
"""

import logging
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from transformers import get_cosine_schedule_with_warmup, set_seed

from emotion_qwen import EmotionQwenForConditionalGeneration
from emotion_qwen.processing import EmotionQwenProcessor
from emotion_qwen.train.augmentation import Augmentation
from emotion_qwen.train.picture_reader import PictureReader, Readings
from emotion_qwen.train.recipe import RecipeParser
from emotion_qwen.train.trainable_modules import learning_rate_of
from emotion_qwen.train.warm_up_subjects import Drawings, Faces, Subject

logger = logging.getLogger(__name__)


@dataclass
class WarmUpArguments:
    """Every setting of the warm-up.

    Attributes:
        model_name_or_path: The model to warm up, with its processor.
        faces: Folder of rendered faces.
        drawings: Folder of drawn shapes and words.
        output_dir: Where the warmed model goes.
        augmentation: Fields of `Augmentation` for faces; one side only, for the token readout counts on it.
        easing_epochs: Epochs in which the augmentation grows from none to all of it. With all of it from the start,
            nothing is learnt for thousands of steps.
        steps: Optimiser steps.
        drawings_every: Every so many steps one is of drawings; all others are of faces.
        batch_size: Pictures a step.
        learning_rate: At its highest.
        learning_rates: Learning rate by name of module, for those that do not take `learning_rate`.
        warmup_steps: Steps until then.
        weight_decay: AdamW's.
        action_unit_weight: Weight of the action units' loss against that of the label.
        readout_width: Hidden width of the readouts.
        evaluate_every: Steps between looks at the held-out pictures.
        seed: Of everything.
    """

    model_name_or_path: str
    faces: str
    drawings: str
    output_dir: str
    augmentation: dict = field(default_factory=dict)
    easing_epochs: int = 3
    steps: int = 4000
    drawings_every: int = 4
    batch_size: int = 32
    learning_rate: float = 1e-3
    learning_rates: dict[str, float] = field(default_factory=dict)
    warmup_steps: int = 100
    weight_decay: float = 0.05
    action_unit_weight: float = 1.0
    readout_width: int = 256
    evaluate_every: int = 500
    seed: int = 0


def warm_up(arguments: WarmUpArguments) -> dict[str, Readings]:
    """Trains the model and writes it.

    Args:
        arguments: The settings.

    Returns:
        By subject, the share of held-out pictures that each readout reads rightly.
    """
    set_seed(arguments.seed)
    model = EmotionQwenForConditionalGeneration.from_pretrained(arguments.model_name_or_path, dtype=torch.float32)
    processor = EmotionQwenProcessor.from_pretrained(arguments.model_name_or_path)
    subjects = _subjects(arguments)
    outputs = {name: subject.outputs for name, subject in subjects.items()}
    reader = PictureReader(model, processor, subjects["drawings"].side, arguments.readout_width, outputs)
    optimizer = _optimizer(reader, arguments)
    schedule = get_cosine_schedule_with_warmup(optimizer, arguments.warmup_steps, arguments.steps)
    batches = {name: _batches(subject.train, arguments) for name, subject in subjects.items()}
    start, shares, losses = time.perf_counter(), {}, {name: [] for name in subjects}
    for step in range(1, arguments.steps + 1):
        name = "faces" if step % arguments.drawings_every else "drawings"
        loss = _loss(reader, name, subjects[name], next(batches[name]))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(reader.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        losses[name].append(loss.item())
        if step % arguments.evaluate_every == 0 or step == arguments.steps:
            shares = {name: _held_out_shares(reader, name, subjects[name], arguments.batch_size) for name in subjects}
            seconds = time.perf_counter() - start
            logger.info("step %d, %.0f s: %s", step, seconds, _report(losses, shares, arguments.evaluate_every))
    model.requires_grad_(True).save_pretrained(arguments.output_dir)
    processor.save_pretrained(arguments.output_dir)
    return shares


def _subjects(arguments: WarmUpArguments) -> dict[str, Subject]:
    augmentation = Augmentation(**arguments.augmentation)
    faces = Faces(
        Path(arguments.faces),
        augmentation,
        arguments.easing_epochs,
        arguments.action_unit_weight,
        arguments.seed,
    )
    return {"faces": faces, "drawings": Drawings(Path(arguments.drawings), augmentation.sides[0])}


def _optimizer(reader: PictureReader, arguments: WarmUpArguments) -> torch.optim.Optimizer:
    """AdamW with one group for each learning rate."""
    groups: dict[float, list[Tensor]] = {}
    for name, parameter in reader.named_parameters():
        rate = learning_rate_of(name.removeprefix("model."), arguments.learning_rates, arguments.learning_rate)
        groups.setdefault(rate, []).append(parameter)
    rated = [{"params": parameters, "lr": rate} for rate, parameters in groups.items()]
    return torch.optim.AdamW(rated, weight_decay=arguments.weight_decay, betas=(0.9, 0.98))


def _batches(pictures: Dataset, arguments: WarmUpArguments) -> Iterator[tuple[Tensor, ...]]:
    """Batches without end."""
    loader = DataLoader(
        pictures,
        arguments.batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=1,
        persistent_workers=True,
        generator=torch.Generator().manual_seed(arguments.seed),
    )
    while True:
        yield from loader


def _loss(reader: PictureReader, name: str, subject: Subject, batch: tuple[Tensor, ...]) -> Tensor:
    """The sum over both readouts; the expert that is for the other subject gets no gradient from it."""
    pixels, *targets = batch
    reader.train()
    reader.requires_grad_(True)
    resting = getattr(reader.model.model.visual.compressor, subject.resting_expert, None)
    if resting is not None:  # other projectors have no experts and learn from everything
        resting.requires_grad_(False)
    return sum(subject.loss(read, *targets) for read in reader(pixels, name))


@torch.no_grad()
def _held_out_shares(reader: PictureReader, name: str, subject: Subject, batch_size: int) -> Readings:
    reader.eval()
    right = torch.zeros(2)
    for pixels, *targets in DataLoader(subject.held_out, batch_size):
        right += torch.stack([subject.is_right(read, *targets).sum() for read in reader(pixels, name)])
    return Readings(*(right / len(subject.held_out)))


def _report(losses: dict[str, list[float]], shares: dict[str, Readings], last: int) -> str:
    return "; ".join(
        f"{name} loss {np.mean(losses[name][-last:]):.3f}, "
        f"held out: tokens {100 * share.tokens:.1f} %, answer {100 * share.answer:.1f} %"
        for name, share in shares.items()
    )


def main() -> None:
    """The command line."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    (arguments,) = RecipeParser((WarmUpArguments,)).parse_recipe(sys.argv[1:])
    warm_up(arguments)


if __name__ == "__main__":
    main()
