"""Trains Emotion-Qwen on conversations with TRL's SFTTrainer: the one script behind every recipe.

`python -m emotion_qwen.train.sft --config train/recipes/nano/2_answer.yaml [--learning_rate 1e-4 ...]`
"""

import logging
from dataclasses import dataclass, field
from typing import Any

import torch
from datasets import Dataset
from torch.utils.data import Sampler
from trl import ModelConfig, SFTConfig, SFTTrainer, TrlParser

from emotion_qwen import EmotionQwenForConditionalGeneration
from emotion_qwen.processing import EmotionQwenProcessor
from emotion_qwen.train.collator import IGNORED, ConversationCollator
from emotion_qwen.train.grouped_sampler import GroupedSampler
from emotion_qwen.train.rendered_conversations import RenderedConversations

logger = logging.getLogger(__name__)


@dataclass
class ScriptArguments:
    """What TRL's own settings leave open.

    Attributes:
        data: The sources of the conversations, fields of a `DataSource` each.
        facial_emotion_capture: Whether masked copies of faces follow pictures and clips.
        frozen: Beginnings of the names of the parameters that stay as they are, such as `model.visual`.
    """

    data: list[Any] = field(metadata={"help": "Sources of the conversations, fields of a `DataSource` each."})
    facial_emotion_capture: bool = field(
        default=True, metadata={"help": "Whether masked copies of faces follow pictures and clips."}
    )
    frozen: list[str] = field(
        default_factory=list, metadata={"help": "Beginnings of the names of parameters that stay as they are."}
    )


class ConversationTrainer(SFTTrainer):
    """TRL's trainer with batches of samples that are alike.

    Args:
        conversations: What to train on.
        **settings: As `SFTTrainer` takes them.
    """

    def __init__(self, conversations: RenderedConversations, **settings: Any) -> None:
        self.groups = conversations.groups
        super().__init__(train_dataset=conversations.as_data_set(), **settings)

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> Sampler[int]:
        del train_dataset  # the groups are those of the one data set there is
        return GroupedSampler(self.groups, self._train_batch_size, self.args.seed)


def freeze(model: torch.nn.Module, beginnings: list[str]) -> None:
    """Keeps the parameters whose names begin so as they are.

    Raises:
        ValueError: If a beginning is that of no parameter.
    """
    names = [name for name, _ in model.named_parameters()]
    for beginning in beginnings:
        if not any(name.startswith(beginning) for name in names):
            raise ValueError(f"No parameter's name begins with {beginning!r}: nothing to freeze.")
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not name.startswith(tuple(beginnings)))


def log_trainable(model: torch.nn.Module) -> None:
    """Logs how many parameters of each part are trained."""
    for part in ("model.visual.compressor", "model.visual", "model.language_model"):
        parameters = list(model.get_submodule(part).parameters())
        trained = sum(p.numel() for p in parameters if p.requires_grad)
        total = sum(map(torch.numel, parameters))
        logger.info("%s: %.2f of %.2f M parameters trained", part, trained / 1e6, total / 1e6)


def log_sample(collator: ConversationCollator, data: RenderedConversations) -> None:
    """Logs one conversation as the model reads it, and what of it is learnt."""
    batch = collator([data.draw(0)])
    tokenizer = collator.processor.tokenizer
    learnt = batch["labels"][batch["labels"] != IGNORED]
    logger.info("the model reads: %s", tokenizer.decode(batch["input_ids"][0]))
    logger.info("and learns to say: %s", tokenizer.decode(learnt))


def train(script: ScriptArguments, training: SFTConfig, model_settings: ModelConfig) -> None:
    """Runs one recipe and writes the model with its processor.

    Args:
        script: The data and what is frozen.
        training: TRL's and transformers' training settings.
        model_settings: The checkpoint to start from.
    """
    processor = EmotionQwenProcessor.from_pretrained(model_settings.model_name_or_path)
    model = EmotionQwenForConditionalGeneration.from_pretrained(
        model_settings.model_name_or_path,
        dtype=model_settings.dtype or torch.float32,
        attn_implementation=model_settings.attn_implementation,
    )
    freeze(model, script.frozen)
    log_trainable(model)
    data = RenderedConversations(script.data, training.seed)
    collator = ConversationCollator(processor, script.facial_emotion_capture)
    log_sample(collator, data)
    trainer = ConversationTrainer(data, model=model, args=training, data_collator=collator, processing_class=processor)
    trainer.train()
    model.config.use_cache = True  # the trainer turned it off; what is saved is to generate
    trainer.save_model()
    processor.save_pretrained(training.output_dir)


def main() -> None:
    """The command line."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    script, training, model_settings = TrlParser((ScriptArguments, SFTConfig, ModelConfig)).parse_args_and_config()
    training.remove_unused_columns = False  # the collator reads them
    training.dataset_kwargs = {"skip_prepare_dataset": True}  # the processor tokenizes
    train(script, training, model_settings)


if __name__ == "__main__":
    main()
