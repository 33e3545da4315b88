"""TRL's SFTTrainer with what Emotion-Qwen needs of it: alike batches, rates by module, no decay on norms."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from torch import nn
from torch.utils.data import DataLoader, Sampler
from trl import SFTTrainer

from emotion_qwen.inference.adapter_purpose import AdapterPurpose
from emotion_qwen.train.checkpoints import (
    complete_checkpoints,
    finish,
    missing_from,
    remove_checkpoints,
    remove_unfinished,
    unfinished_folder,
)
from emotion_qwen.train.data.mixture import EpochSampler
from emotion_qwen.train.grouped_sampler import GroupedSampler
from emotion_qwen.train.muon import MuonWithAdamW
from emotion_qwen.train.run_settings import require_same_settings, save_settings
from emotion_qwen.train.trainable_modules import learning_rate_of, matrices_by_rate

logger = logging.getLogger(__name__)


class EmotionQwenTrainer(SFTTrainer):
    """Trains Emotion-Qwen on conversations.

    Args:
        groups: The group of each sample of an epoch; a batch holds samples of one group. None for data
            that is streamed.
        learning_rates: Learning rate by name of module, for those that do not take the run's.
        muon_learning_rates: Learning rate by name of module whose matrices Muon trains.
        run_settings: What decides which weights the run ends with; see `lasting_settings`.
        adapter_purpose: What the adapter that is trained answers, if one is and anything is known of it.
        **settings: As `SFTTrainer` takes them.

    Raises:
        ValueError: If Muon is to train under ZeRO or FSDP, or nothing that is trained.
    """

    def __init__(
        self,
        groups: Sequence[int] | None,
        learning_rates: Mapping[str, float],
        muon_learning_rates: Mapping[str, float],
        run_settings: Mapping[str, Any],
        adapter_purpose: AdapterPurpose | None = None,
        **settings: Any,
    ) -> None:
        self.groups = groups
        self.learning_rates = learning_rates
        self.muon_learning_rates = muon_learning_rates
        self.adapter_purpose = adapter_purpose
        # TRL computes the loss, whatever Qwen2.5-VL's own takes: so every token of a step counts the same, whichever
        # process or accumulated batch it is in.
        settings["model"].accepts_loss_kwargs = True
        super().__init__(**settings)
        if muon_learning_rates and (self.is_deepspeed_enabled or self.is_fsdp_enabled):
            raise ValueError("Muon needs whole matrices, which ZeRO and FSDP divide: leave muon_learning_rates out.")
        self.run_settings = {**run_settings, "distributed_type": self._distributed_type()}

    def get_decay_parameter_names(self, model: nn.Module) -> list[str]:
        """As transformers chooses them, without the norms that it does not know by their names (`norm1`, `ln_q`)."""
        norms = tuple(name for name, module in model.named_modules() if type(module).__name__.endswith("Norm"))
        names = super().get_decay_parameter_names(model)
        return [name for name in names if name.rpartition(".")[0] not in norms]

    def num_examples(self, dataloader: DataLoader) -> int:
        """Samples of one epoch; the rows of a `Mixture` are those of all epochs."""
        is_mixture = self.groups is not None and dataloader.dataset is self.train_dataset
        return len(self.groups) if is_mixture else super().num_examples(dataloader)

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        """Makes the optimizer, with the modules that have a learning rate of their own in groups of their own."""
        optimizer = super().create_optimizer(model)
        named = list((self.model if model is None else model).named_parameters())
        if self.learning_rates:
            rates = {id(p): learning_rate_of(name, self.learning_rates, self.args.learning_rate) for name, p in named}
            optimizer.param_groups = [
                part for group in optimizer.param_groups for part in _split_by_rate(group, rates)
            ]
        if self.muon_learning_rates:
            matrices = matrices_by_rate(named, self.muon_learning_rates)
            if not matrices:
                raise ValueError("No module that muon_learning_rates names is trained: leave muon_learning_rates out.")
            self.optimizer = MuonWithAdamW(optimizer, matrices, self.args.weight_decay)
        return self.optimizer

    def train_to_the_end(self, anew: bool = False) -> None:
        """Trains from the checkpoint that `resume_from_checkpoint` names, or the last complete one; writes the model.

        Args:
            anew: Whether checkpoints that are there are removed, and the run starts from its beginning.

        Raises:
            ValueError: If the checkpoint is missing, was not written to its end or is of a run with other settings.
        """
        folder = Path(self.args.output_dir)
        if self.is_world_process_zero():
            remove_unfinished(folder)
            if anew:
                remove_checkpoints(folder)
        self.accelerator.wait_for_everyone()
        checkpoint = self._checkpoint_to_resume(folder)
        if checkpoint is not None:
            require_same_settings(checkpoint, self.run_settings)
            if self.is_world_process_zero():
                logger.info("going on from '%s'", checkpoint)
        self.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
        self._write_model(folder)

    def _distributed_type(self) -> str:
        """How processes divide the work, which decides what their checkpoints hold."""
        zero = self.accelerator.state.deepspeed_plugin
        name = self.accelerator.distributed_type.value
        return name if zero is None else f"{name} ZeRO-{zero.zero_stage}"

    def _checkpoint_to_resume(self, folder: Path) -> Path | None:
        named = self.args.resume_from_checkpoint
        if named is None or str(named).lower() == "true":
            checkpoints = complete_checkpoints(folder)
            return checkpoints[-1] if checkpoints else None
        missing = missing_from(Path(named))
        if missing:
            raise ValueError(f"'{named}' is no checkpoint that was written to its end: it lacks {', '.join(missing)}.")
        return Path(named)

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Any] | None = None) -> None:
        super()._save(output_dir, state_dict)
        folder = Path(output_dir or self.args.output_dir)
        save_settings(folder, self.run_settings)
        if self.adapter_purpose is not None:
            self.adapter_purpose.save(folder)

    def _save_rng_state(self, output_dir: str) -> None:
        super()._save_rng_state(output_dir)
        # The trainer's state comes next and says that all is there: the other processes' parts are, too.
        self.accelerator.wait_for_everyone()

    def _write_model(self, folder: Path) -> None:
        config = self.accelerator.unwrap_model(self.model).config
        config.use_cache = True  # the trainer turned it off; what is saved is to generate
        unfinished = unfinished_folder(folder)
        self.accelerator.wait_for_everyone()  # so that no process makes the folder anew after it was moved
        self.save_model(str(unfinished))
        if self.is_world_process_zero():
            self.processing_class.save_pretrained(unfinished)
            finish(folder)
        self.accelerator.wait_for_everyone()

    def _get_dataloader(self, *arguments: Any, **settings: Any) -> DataLoader:
        loader = super()._get_dataloader(*arguments, **settings)
        # Workers get seeds when they start, which in a resumed run is at another time: drawn from torch's generator
        # they would shift the numbers that dropout draws from it.
        loader.base_dataloader.generator = torch.Generator().manual_seed(self.args.seed)
        return loader

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> Sampler[int]:
        del train_dataset  # the groups are those of the one data set there is
        return EpochSampler(GroupedSampler(self.groups, self._train_batch_size, self.args.seed), len(self.groups))


def _split_by_rate(group: dict[str, Any], rates: Mapping[int, float]) -> list[dict[str, Any]]:
    """One group of parameters as one group for each learning rate in it."""
    by_rate: dict[float, list[nn.Parameter]] = {}
    for parameter in group["params"]:
        by_rate.setdefault(rates[id(parameter)], []).append(parameter)
    return [{**group, "params": parameters, "lr": rate} for rate, parameters in by_rate.items()]
