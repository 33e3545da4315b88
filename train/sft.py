"""Trains Emotion-Qwen on conversations with TRL's SFTTrainer: the one script behind every recipe.

`emotion-qwen train nano/stage3 [learning_rate=1e-4 | --learning_rate 1e-4 | learning_rates.lm_head=1e-4 ...]`
`accelerate launch --config_file train/recipes/accelerate/zero2.yaml -m emotion_qwen.train.sft stage1 ...`
"""

import logging
import math
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers.trainer_utils import IntervalStrategy
from transformers.utils import is_flash_attn_2_available
from trl import ModelConfig, SFTConfig, get_peft_config

from emotion_qwen import EmotionQwenForConditionalGeneration
from emotion_qwen.inference.checkpoint import require_checkpoint
from emotion_qwen.inference.errors import CheckpointError
from emotion_qwen.inference.exit_codes import exit_code
from emotion_qwen.processing import EmotionQwenProcessor
from emotion_qwen.train.adapter_purpose import purpose_of
from emotion_qwen.train.checkpoints import require_free
from emotion_qwen.train.collator import ConversationCollator, show_sample
from emotion_qwen.train.data.held_out import asked_as_in_training
from emotion_qwen.train.data.mixture import build_mixture
from emotion_qwen.train.data.source import Source
from emotion_qwen.train.failures import explained, output_folder
from emotion_qwen.train.grouped_sampler import GroupedSampler
from emotion_qwen.train.recipe import RecipeParser
from emotion_qwen.train.run_settings import PROCESSES, lasting_settings
from emotion_qwen.train.trainable_modules import require_modules, require_trained, set_trainable, trainable_table
from emotion_qwen.train.trainer import EmotionQwenTrainer

logger = logging.getLogger(__name__)


@dataclass
class ScriptArguments:
    """What TRL's own settings leave open.

    Attributes:
        data: Sources of the conversations, each as `data.sources.build_source` takes it.
        eval_data: Sources held out, of which the loss is logged as `eval_loss` as often as `eval_strategy` says.
        trainable: Names of the modules that are trained, "" for all; everything else is frozen. Empty with
            `use_peft`: the adapter alone is trained.
        learning_rates: Learning rate by name of module, for those that do not take `learning_rate`.
        muon_learning_rates: Learning rate by name of module whose matrices Muon trains; AdamW trains all else.
        facial_emotion_capture: Whether masked copies of faces follow pictures and clips.
        samples_per_epoch: Samples drawn in an epoch; by default as many as the sources have.
        max_broken_share: Largest share of samples that may be broken, 0 to below 1; more stop the run.
        streaming: Whether files are read as they are needed, for data too large to be listed; needs `max_steps`.
        shuffle_buffer: Samples of a source among which the next one is drawn where they are streamed.
        overwrite_output_dir: Whether to start anew where `output_dir` holds checkpoints or a finished model. The
            model stays until the new one is written.
    """

    data: list[Any] = field(metadata={"help": "Sources of the conversations."})
    eval_data: list[Any] = field(default_factory=list, metadata={"help": "Sources held out, for the loss on them."})
    trainable: list[str] = field(default_factory=list, metadata={"help": "Names of the modules that are trained."})
    learning_rates: dict[str, float] = field(
        default_factory=dict, metadata={"help": "Learning rate by name of module, for those with one of their own."}
    )
    muon_learning_rates: dict[str, float] = field(
        default_factory=dict, metadata={"help": "Learning rate by name of module whose matrices Muon trains."}
    )
    facial_emotion_capture: bool = field(
        default=True, metadata={"help": "Whether masked copies of faces follow pictures and clips."}
    )
    samples_per_epoch: int | None = field(default=None, metadata={"help": "Samples drawn in an epoch."})
    max_broken_share: float = field(default=0.0, metadata={"help": "Largest share of broken samples, 0 to below 1."})
    streaming: bool = field(default=False, metadata={"help": "Whether files are read as they are needed."})
    shuffle_buffer: int = field(default=1000, metadata={"help": "Streamed samples among which the next is drawn."})
    overwrite_output_dir: bool = field(default=False, metadata={"help": "Whether to start anew in `output_dir`."})

    def __post_init__(self) -> None:
        for name in ("data", "eval_data", "trainable"):
            if not isinstance(getattr(self, name), list):
                raise ValueError(f"{name} must be a list, not {getattr(self, name)!r:.80}.")
        if self.samples_per_epoch is not None and self.samples_per_epoch < 1:
            raise ValueError(f"samples_per_epoch must be above 0, not {self.samples_per_epoch}.")
        for name in ("learning_rates", "muon_learning_rates"):
            setattr(self, name, _rates(name, getattr(self, name)))


def _rates(name: str, rates: Any) -> dict[str, float]:
    """Learning rates as numbers: YAML takes 1e-4, without a point, for a text."""
    try:
        return {module: float(rate) for module, rate in rates.items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"{name} must be rates by name of module, not {rates!r:.80}.") from error


def load_processor(settings: ModelConfig) -> EmotionQwenProcessor:
    """The processor of the checkpoint that a run starts from.

    Args:
        settings: The checkpoint, and how it is loaded.

    Raises:
        ValueError: If none is named, or its weights are to be quantized.
        CheckpointError: If there is no such checkpoint.
    """
    name = settings.model_name_or_path
    if name is None:
        raise ValueError("Which checkpoint does the run start from? Name it as model_name_or_path.")
    if settings.load_in_4bit or settings.load_in_8bit:
        raise ValueError("Quantized weights can't be trained here: leave load_in_4bit and load_in_8bit out.")
    require_checkpoint(name)
    try:
        return EmotionQwenProcessor.from_pretrained(name, revision=settings.model_revision)
    except (OSError, ValueError) as error:
        if Path(name).is_dir():
            raise
        raise CheckpointError(
            f"There is no checkpoint {name!r}, neither here nor on the Hub: make it with the recipe of the stage "
            "before, or name another as model_name_or_path."
        ) from error


def choose_attention(wanted: str | None) -> str:
    """The attention to run: what was asked for, and for "auto" the fastest that is there.

    Args:
        wanted: "auto", None for "sdpa", or a name that transformers knows.
    """
    if wanted != "auto":
        return wanted or "sdpa"
    chosen = "flash_attention_2" if is_flash_attn_2_available() else "sdpa"
    logger.info("attention: %s", chosen)
    return chosen


def require_all_processes(joined: int) -> None:
    """Stops a run whose processes train each for itself, as happens silently where a launcher is set up wrongly.

    Args:
        joined: Processes that train together.

    Raises:
        RuntimeError: If the launcher started more.
    """
    started = int(os.environ.get("WORLD_SIZE", "1"))
    if started != joined:
        raise RuntimeError(f"The launcher started {started} processes, but {joined} train together.")


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
    eval_data, share = asked_as_in_training(script.eval_data, sources), script.max_broken_share
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
    each = batches / training.world_size
    each = math.floor(each) if training.dataloader_drop_last else math.ceil(each)
    if not each:
        raise ValueError(
            f"With dataloader_drop_last nothing is left of an epoch: {batches} batches for {training.world_size} "
            "processes. Leave it out, or raise samples_per_epoch."
        )
    if training.max_steps <= 0:
        return training.num_train_epochs
    return math.ceil(training.max_steps / math.ceil(each / training.gradient_accumulation_steps))


def train(script: ScriptArguments, training: SFTConfig, model_settings: ModelConfig) -> None:
    """Runs one recipe, from its last complete checkpoint if there is one, and writes the model with its processor.

    Args:
        script: The data and what is trained.
        training: TRL's and transformers' training settings.
        model_settings: The checkpoint to start from, and the adapter.

    Raises:
        ValueError: If the recipe trains nothing or the wrong thing, if its data can't be read, or if the output
            folder holds a finished model or a run with other settings.
    """
    require_free(Path(training.output_dir), script.overwrite_output_dir, training.resume_from_checkpoint)
    processor = load_processor(model_settings)
    data = build_mixture(
        script.data,
        processor,
        training.seed,
        samples_per_epoch=script.samples_per_epoch,
        max_broken_share=script.max_broken_share,
        streaming=script.streaming,
        shuffle_buffer=script.shuffle_buffer,
    )
    workers = max(1, training.dataloader_num_workers) * training.world_size
    rows = data.as_data_set(workers if script.streaming else epochs_of(training, data.groups))
    samples = None if script.streaming else [len(source) for source in data.sources]
    held_out = build_held_out(script, training, processor, data.sources)
    collator = ConversationCollator(processor, script.facial_emotion_capture)
    model = EmotionQwenForConditionalGeneration.from_pretrained(
        model_settings.model_name_or_path,
        revision=model_settings.model_revision,
        dtype=model_settings.dtype,
        attn_implementation=choose_attention(model_settings.attn_implementation),
    )
    set_trainable(model, script.trainable)
    require_modules(model, [*script.learning_rates, *script.muon_learning_rates], "has a learning rate for")
    trainer = EmotionQwenTrainer(
        groups=None if script.streaming else data.groups,
        learning_rates=script.learning_rates,
        muon_learning_rates=script.muon_learning_rates,
        run_settings=lasting_settings(
            script, training, model_settings, samples=samples, **{PROCESSES: training.world_size}
        ),
        adapter_purpose=purpose_of(data.sources, script.streaming) if model_settings.use_peft else None,
        model=model,
        args=training,
        train_dataset=rows,
        eval_dataset=held_out,
        data_collator=collator,
        processing_class=processor,
        peft_config=get_peft_config(model_settings),
    )
    require_all_processes(trainer.accelerator.num_processes)
    require_trained(trainer.model, script.trainable, adapts=model_settings.use_peft)
    if trainer.is_world_process_zero():
        logger.info("processes: %d", trainer.accelerator.num_processes)
        rates = script.learning_rates, training.learning_rate, script.muon_learning_rates
        logger.info(trainable_table(trainer.model, *rates))
        logger.info(show_sample(collator([next(iter(rows))]), processor))
    trainer.train_to_the_end(anew=script.overwrite_output_dir)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = RecipeParser((ScriptArguments, SFTConfig, ModelConfig))
    parser.set_defaults(use_cpu=not torch.accelerator.is_available())  # without it, processes would not join there
    words = sys.argv[1:] if arguments is None else arguments
    script, training, model_settings = parser.parse_recipe(words)
    training.remove_unused_columns = False  # the collator reads them
    training.dataset_kwargs = {"skip_prepare_dataset": True}  # the processor tokenizes
    training.dataloader_persistent_workers &= training.dataloader_num_workers > 0  # without any, none can stay
    with explained(training.output_dir), output_folder(training.output_dir):
        train(script, training, model_settings)


if __name__ == "__main__":
    sys.exit(exit_code(main))
