"""The data of a run as the trainer takes them: rows to train on, and rows held out."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from datasets import Dataset, IterableDataset
from transformers.trainer_utils import IntervalStrategy
from trl import SFTConfig

from emotion_qwen.processing import EmotionQwenProcessor
from emotion_qwen.train.data.held_out import held_out_items
from emotion_qwen.train.data.mixture import build_mixture
from emotion_qwen.train.data.source import Source
from emotion_qwen.train.data.streaming import build_stream
from emotion_qwen.train.grouped_sampler import GroupedSampler
from emotion_qwen.train.script_arguments import ScriptArguments


class TrainingData(NamedTuple):
    """What a run trains on.

    Attributes:
        rows: The samples of all its epochs.
        sources: Where they are from.
        groups: The source of each sample of an epoch, by its number; None for a stream, which has no epochs.
        lengths: Samples of each source; None for a stream, of which nobody knows.
    """

    rows: Dataset | IterableDataset
    sources: Sequence[Source]
    groups: list[int] | None = None
    lengths: list[int] | None = None


def build_training_data(script: ScriptArguments, training: SFTConfig, processor: EmotionQwenProcessor) -> TrainingData:
    """The data that the run is trained on.

    Args:
        script: What the recipe says of the data.
        training: The training settings.
        processor: Decodes the media.

    Raises:
        ValueError: If the data can't be as the recipe says, or there is no step in an epoch.
    """
    if script.streaming:
        stream = build_stream(script.data, processor, training.seed, script.max_broken_share, script.shuffle_buffer)
        workers = max(1, training.dataloader_num_workers) * training.world_size
        return TrainingData(stream.as_data_set(workers), stream.sources)
    mixture = build_mixture(script.data, processor, training.seed, script.samples_per_epoch, script.max_broken_share)
    rows = mixture.as_data_set(epochs_of(training, mixture.groups))
    return TrainingData(rows, mixture.sources, mixture.groups, [len(source) for source in mixture.sources])


def build_held_out(
    script: ScriptArguments, training: SFTConfig, processor: EmotionQwenProcessor, sources: Sequence[Source]
) -> Dataset | None:
    """The data that the run is evaluated on; each sample once, the same at each evaluation.

    Args:
        script: What the recipe says of the data.
        training: The training settings.
        processor: Decodes the media.
        sources: What is trained on.

    Raises:
        ValueError: If there is such data and the run would never look at it.
    """
    if not script.eval_data:
        return None
    if training.eval_strategy == IntervalStrategy.NO:
        raise ValueError("eval_data needs eval_strategy: epoch, or steps with eval_steps.")
    eval_data, share = held_out_items(script.eval_data, sources), script.max_broken_share
    return build_mixture(eval_data, processor, training.seed, max_broken_share=share).as_data_set(epochs=1)


def epochs_of(training: SFTConfig, groups: Sequence[int]) -> float:
    """Epochs that a run goes through.

    Args:
        training: The training settings, of which `max_steps` counts more than `num_train_epochs`.
        groups: The group of each sample of an epoch, see `GroupedSampler`.

    Raises:
        ValueError: If there would be none, or none with a step in it.
    """
    if training.max_steps <= 0 and training.num_train_epochs <= 0:
        raise ValueError(f"num_train_epochs must be above 0, not {training.num_train_epochs:g}.")
    batches = len(GroupedSampler(groups, training.train_batch_size, training.seed)) // training.train_batch_size
    each = batches / (1 if training.accelerator_config.split_batches else training.world_size)
    each = math.floor(each) if training.dataloader_drop_last else math.ceil(each)
    if not each:
        raise ValueError(
            f"With dataloader_drop_last nothing is left of an epoch: {batches} batches for {training.world_size} "
            "processes. Leave it out, or raise samples_per_epoch."
        )
    if training.max_steps <= 0:
        return training.num_train_epochs
    return math.ceil(training.max_steps / math.ceil(each / training.gradient_accumulation_steps))
