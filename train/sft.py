"""Trains Emotion-Qwen on conversations with TRL's SFTTrainer: the one script behind every recipe.

`emotion-qwen train nano/stage3 [learning_rate=1e-4 | --learning_rate 1e-4 | learning_rates.lm_head=1e-4 ...]`
`accelerate launch --config_file train/recipes/accelerate/zero2.yaml -m emotion_qwen.train.sft stage1 ...`
"""

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from trl import ModelConfig, SFTConfig, get_peft_config

from emotion_qwen.inference.checkpoint import load_model, require_checkpoint
from emotion_qwen.inference.errors import CheckpointError
from emotion_qwen.inference.exit_codes import exit_code
from emotion_qwen.processing import EmotionQwenProcessor
from emotion_qwen.token_fit import check_tokens
from emotion_qwen.train.adapter_purpose import purpose_of
from emotion_qwen.train.attention import choose_attention
from emotion_qwen.train.checkpoints import require_free
from emotion_qwen.train.collator import ConversationCollator, show_sample
from emotion_qwen.train.failures import explained, output_folder
from emotion_qwen.train.idle_settings import require_effect
from emotion_qwen.train.recipe import RecipeParser
from emotion_qwen.train.run_settings import PROCESSES, lasting_settings
from emotion_qwen.train.script_arguments import ScriptArguments
from emotion_qwen.train.trainable_modules import require_modules, require_trained, set_trainable, trainable_table
from emotion_qwen.train.trainer import EmotionQwenTrainer
from emotion_qwen.train.training_data import build_held_out, build_training_data

logger = logging.getLogger(__name__)


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


def require_one_device(training: SFTConfig) -> None:
    """Stops a run of one process that would spread each batch over several devices, which TRL does not do.

    Args:
        training: The training settings.

    Raises:
        ValueError: If the process has more than one device.
    """
    if training.n_gpu > 1:
        raise ValueError(
            f"One process has {training.n_gpu} GPUs: start one process for each with `torchrun --nproc_per_node "
            f"{training.n_gpu} -m emotion_qwen.train.sft RECIPE`, or show it one GPU, as CUDA_VISIBLE_DEVICES=0 does."
        )


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


def train(script: ScriptArguments, training: SFTConfig, model_settings: ModelConfig) -> None:
    """Runs one recipe, from its last complete checkpoint if there is one, and writes the model with its processor.

    Args:
        script: The data and what is trained.
        training: TRL's and transformers' training settings.
        model_settings: The checkpoint to start from, and the adapter.

    Raises:
        ValueError: If the recipe trains nothing or the wrong thing, if its data can't be read, if a setting would have
            no effect, if a process has several devices, or if the output folder holds a finished model or a run with
            other settings.
        CheckpointError: If the checkpoint to start from is not whole.
    """
    require_effect(training)
    require_one_device(training)
    require_free(Path(training.output_dir), script.overwrite_output_dir, training.resume_from_checkpoint)
    processor = load_processor(model_settings)
    data = build_training_data(script, training, processor)
    held_out = build_held_out(script, training, processor, data.sources)
    collator = ConversationCollator(processor, script.facial_emotion_capture)
    model = load_model(
        model_settings.model_name_or_path,
        dtype=model_settings.dtype,
        attn_implementation=choose_attention(model_settings.attn_implementation),
        revision=model_settings.model_revision,
    )
    check_tokens(processor, model.config)
    set_trainable(model, script.trainable)
    require_modules(model, [*script.learning_rates, *script.muon_learning_rates], "has a learning rate for")
    trainer = EmotionQwenTrainer(
        groups=data.groups,
        learning_rates=script.learning_rates,
        muon_learning_rates=script.muon_learning_rates,
        run_settings=lasting_settings(
            script, training, model_settings, samples=data.lengths, **{PROCESSES: training.world_size}
        ),
        adapter_purpose=purpose_of(data.sources, script.streaming) if model_settings.use_peft else None,
        model=model,
        args=training,
        train_dataset=data.rows,
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
        logger.info(show_sample(collator([next(iter(data.rows))]), processor))
    trainer.train_to_the_end(anew=script.overwrite_output_dir)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = RecipeParser((ScriptArguments, SFTConfig, ModelConfig))
    parser.set_defaults(max_length=None)  # nothing is cut, whatever TRL's own default
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
