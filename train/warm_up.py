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
from itertools import chain, repeat
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import get_cosine_schedule_with_warmup, set_seed

from emotion_qwen import EmotionQwenForConditionalGeneration
from emotion_qwen.inference.checkpoint import default_device, load_model
from emotion_qwen.inference.exit_codes import exit_code
from emotion_qwen.processing import EmotionQwenProcessor
from emotion_qwen.train.asked_pictures import AskedPictures, Pictures, collate_asked
from emotion_qwen.train.attention import choose_attention
from emotion_qwen.train.augmentation import Augmentation
from emotion_qwen.train.checkpoints import finish, unfinished_folder
from emotion_qwen.train.failures import output_folder
from emotion_qwen.train.muon import MuonWithAdamW
from emotion_qwen.train.picture_reader import PictureReader
from emotion_qwen.train.recipe import RecipeParser
from emotion_qwen.train.trainable_modules import learning_rate_of, matrices_by_rate, require_modules
from emotion_qwen.train.warm_up_subjects import Drawings, Faces, Subject

logger = logging.getLogger(__name__)

_PARTS_OF_COMPRESSOR = "model.visual.compressor."


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
        tower_steps: So many of them, the first, leave the language model out: the tower learns as much from a step
            without it, in less than half the time, and the language model learns faster from a tower that sees.
        drawings_every: Every so many steps one is of drawings; all others are of faces.
        batch_size: Pictures a step.
        bf16: Whether to compute in bfloat16. The weights are float32.
        attn_implementation: Attention of transformers' interface, or "auto" for the fastest that is there.
        learning_rate: At its highest.
        learning_rates: Learning rate by name of module, for those that do not take `learning_rate`.
        muon_learning_rates: Learning rate by name of module whose matrices Muon trains; AdamW trains all else.
        warmup_steps: Steps until then.
        weight_decay: AdamW's.
        action_unit_weight: Weight of the action units' loss against that of the label.
        questions: Questions that the model answers about each picture, by subject. By default none: it only sees.
        label_share: Share of the questions about faces that ask for one word; the others ask for the reasons.
        spoken_weight: Weight of the answers' loss against those of the readouts.
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
    tower_steps: int = 0
    drawings_every: int = 4
    batch_size: int = 32
    bf16: bool = False
    attn_implementation: str = "sdpa"
    learning_rate: float = 1e-3
    learning_rates: dict[str, float] = field(default_factory=dict)
    muon_learning_rates: dict[str, float] = field(default_factory=dict)
    warmup_steps: int = 100
    weight_decay: float = 0.05
    action_unit_weight: float = 1.0
    questions: dict[str, int] = field(default_factory=dict)
    label_share: float = 0.85
    spoken_weight: float = 1.0
    readout_width: int = 256
    evaluate_every: int = 500
    seed: int = 0


class Shares(NamedTuple):
    """Shares of pictures of which the visual tokens, the answer's place and all answers are read rightly."""

    tokens: float
    answer: float
    spoken: float


def warm_up(arguments: WarmUpArguments) -> dict[str, Shares]:
    """Trains the model and writes it.

    Args:
        arguments: The settings.

    Returns:
        By subject, the shares of held-out pictures that are read rightly.

    Raises:
        CheckpointError: If the model to start from is not whole.
        ValueError: If a module with a learning rate is not the model's, or there are fewer pictures than in a batch.
    """
    set_seed(arguments.seed)
    model = load_model(arguments.model_name_or_path, torch.float32, choose_attention(arguments.attn_implementation))
    _require_rated_modules(model, arguments)
    processor = EmotionQwenProcessor.from_pretrained(arguments.model_name_or_path)
    subjects = _subjects(arguments)
    side, outputs = subjects["drawings"].side, {name: subject.outputs for name, subject in subjects.items()}
    reader = PictureReader(model, processor, side, arguments.readout_width, outputs, arguments.bf16)
    reader.to(default_device())
    optimizer = _optimizer(reader, arguments)
    schedule = get_cosine_schedule_with_warmup(optimizer, arguments.warmup_steps, arguments.steps)
    batches = {name: _batches(name, subject.train, arguments) for name, subject in subjects.items()}
    start, shares, losses = time.perf_counter(), {}, {name: [] for name in subjects}
    for step in range(1, arguments.steps + 1):
        name = "faces" if step % arguments.drawings_every else "drawings"
        batch = next(batches[name])
        if step <= arguments.tower_steps:
            loss = _seen_loss(reader, name, subjects[name], batch)
        else:
            loss = _loss(reader, name, subjects[name], batch, arguments.spoken_weight)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(reader.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        losses[name].append(loss.item())
        if step % arguments.evaluate_every == 0 or step == arguments.steps:
            shares = {name: _held_out_shares(reader, name, subject, arguments) for name, subject in subjects.items()}
            seconds = time.perf_counter() - start
            logger.info("step %d, %.0f s: %s", step, seconds, _report(losses, shares, arguments.evaluate_every))
    _write(model.requires_grad_(True), processor, Path(arguments.output_dir))
    return shares


def _write(model: EmotionQwenForConditionalGeneration, processor: EmotionQwenProcessor, folder: Path) -> None:
    unfinished = unfinished_folder(folder)
    model.save_pretrained(unfinished)
    processor.save_pretrained(unfinished)
    finish(folder)


def _require_rated_modules(model: EmotionQwenForConditionalGeneration, arguments: WarmUpArguments) -> None:
    """Stops for a name that is no module's; other projectors need not have the compressor's parts."""
    is_hybrid = model.config.vision_config.projector_type == "hybrid"
    rated = [*arguments.learning_rates, *arguments.muon_learning_rates]
    checked = [name for name in rated if is_hybrid or not name.startswith(_PARTS_OF_COMPRESSOR)]
    require_modules(model, checked, "has a learning rate for")


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
    """AdamW with one group for each learning rate, and Muon where the recipe wants it."""
    named = [(name.removeprefix("model."), parameter) for name, parameter in reader.named_parameters()]
    groups: dict[float, list[Tensor]] = {}
    for name, parameter in named:
        rate = learning_rate_of(name, arguments.learning_rates, arguments.learning_rate)
        groups.setdefault(rate, []).append(parameter)
    rated = [{"params": parameters, "lr": rate} for rate, parameters in groups.items()]
    adamw = torch.optim.AdamW(rated, weight_decay=arguments.weight_decay, betas=(0.9, 0.98))
    matrices = matrices_by_rate(named, arguments.muon_learning_rates)
    return MuonWithAdamW(adamw, matrices, arguments.weight_decay) if matrices else adamw


def _batches(name: str, pictures: Pictures, arguments: WarmUpArguments) -> Iterator[tuple[Any, ...]]:
    """Batches without end.

    Raises:
        ValueError: If there are fewer pictures than in a batch.
    """
    if len(pictures) < arguments.batch_size:
        raise ValueError(f"A batch has {arguments.batch_size} pictures, but of {name} there are {len(pictures)}.")
    loader = DataLoader(
        _asked(name, pictures, arguments),
        arguments.batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=1,
        persistent_workers=True,
        collate_fn=collate_asked,
        generator=torch.Generator().manual_seed(arguments.seed),
    )
    return chain.from_iterable(repeat(loader))


def _asked(name: str, pictures: Pictures, arguments: WarmUpArguments) -> AskedPictures:
    return AskedPictures(pictures, arguments.questions.get(name, 0), arguments.label_share, arguments.seed)


def _loss(reader: PictureReader, name: str, subject: Subject, batch: tuple[Any, ...], spoken_weight: float) -> Tensor:
    """The sum over readouts and answers."""
    pixels, *targets, turns = _on_device(batch, reader.model.device)
    _learn_from(reader, subject)
    readings = reader(pixels, name, turns)
    read_loss = subject.loss(readings.tokens, *targets) + subject.loss(readings.answer, *targets)
    return read_loss + spoken_weight * readings.spoken_loss


def _seen_loss(reader: PictureReader, name: str, subject: Subject, batch: tuple[Any, ...]) -> Tensor:
    """That of the visual tokens' readout alone."""
    pixels, *targets, _ = _on_device(batch, reader.model.device)
    _learn_from(reader, subject)
    return subject.loss(reader.look(pixels, name), *targets)


def _on_device(batch: tuple[Any, ...], device: torch.device) -> tuple[Any, ...]:
    """The batch with its targets on the device; the pixels stay where the processor runs."""
    pixels, *targets, turns = batch
    return pixels, *(target.to(device) for target in targets), turns


def _learn_from(reader: PictureReader, subject: Subject) -> None:
    """Everything learns, but the expert that is for the other subject gets no gradient from this one."""
    reader.train()
    reader.requires_grad_(True)
    resting = getattr(reader.model.model.visual.compressor, subject.resting_expert, None)
    if resting is not None:  # other projectors have no experts and learn from everything
        resting.requires_grad_(False)


@torch.no_grad()
def _held_out_shares(reader: PictureReader, name: str, subject: Subject, arguments: WarmUpArguments) -> Shares:
    reader.eval()
    right = torch.zeros(3)
    asked = _asked(name, subject.held_out, arguments)
    for batch in DataLoader(asked, arguments.batch_size, collate_fn=collate_asked):
        pixels, *targets, turns = _on_device(batch, reader.model.device)
        readings = reader(pixels, name, turns)
        read = [subject.is_right(readings.tokens, *targets), subject.is_right(readings.answer, *targets)]
        right += torch.stack([*read, readings.spoken_rightly]).sum(1).cpu()
    return Shares(*(right / len(asked)).tolist())


def _report(losses: dict[str, list[float]], shares: dict[str, Shares], last: int) -> str:
    return "; ".join(
        f"{name} loss {np.mean(losses[name][-last:] or [np.nan]):.3f}, held out: tokens {100 * share.tokens:.1f} %, "
        f"answer {100 * share.answer:.1f} %, spoken {100 * share.spoken:.1f} %"
        for name, share in shares.items()
    )


def main() -> None:
    """The command line."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    (arguments,) = RecipeParser((WarmUpArguments,)).parse_recipe(sys.argv[1:])
    with output_folder(arguments.output_dir):
        warm_up(arguments)


if __name__ == "__main__":
    sys.exit(exit_code(main))
