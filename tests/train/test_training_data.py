import math

import pytest
from accelerate.data_loader import BatchSamplerShard
from torch.utils.data import BatchSampler
from trl import SFTConfig

from emotion_qwen.train.grouped_sampler import GroupedSampler
from emotion_qwen.train.training_data import epochs_of


@pytest.fixture
def training(tmp_path, monkeypatch):
    """Settings of one of several processes, with batches of 2."""
    monkeypatch.setattr(SFTConfig, "world_size", 1)
    return SFTConfig(str(tmp_path), per_device_train_batch_size=2, bf16=False, use_cpu=True)


@pytest.mark.parametrize("processes", [1, 2, 3])
@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("accumulated", [1, 2])
@pytest.mark.parametrize("split", [False, True])
def test_the_epochs_of_a_run_last_for_its_steps(processes, drop_last, accumulated, split, training, monkeypatch):
    groups = [0] * 19 + [1] * 6  # 5 batches of 6, as the last of a group is filled up
    batches = BatchSampler(GroupedSampler(groups, 6, seed=0), 6, drop_last)
    share = len(list(BatchSamplerShard(batches, processes, 0, split)))
    assert share == len(list(BatchSamplerShard(batches, processes, processes - 1, split)))
    training.per_device_train_batch_size, training.accelerator_config.split_batches = 6, split
    monkeypatch.setattr(SFTConfig, "world_size", processes)
    training.dataloader_drop_last, training.gradient_accumulation_steps = drop_last, accumulated
    for training.max_steps in range(1, 20):
        assert epochs_of(training, groups) == math.ceil(training.max_steps / math.ceil(share / accumulated))


@pytest.mark.parametrize("max_steps", [-1, 5])
def test_an_epoch_of_which_nothing_is_left_is_refused(max_steps, training, monkeypatch):
    monkeypatch.setattr(SFTConfig, "world_size", 3)
    training.max_steps, training.dataloader_drop_last = max_steps, True
    with pytest.raises(ValueError, match="2 batches for 3 processes.*samples_per_epoch"):
        epochs_of(training, [0] * 4)
    assert epochs_of(training, [0] * 5) in (5, training.num_train_epochs)


def test_processes_that_share_batches_need_no_batch_each(training, monkeypatch):
    monkeypatch.setattr(SFTConfig, "world_size", 3)
    training.dataloader_drop_last = training.accelerator_config.split_batches = True
    assert epochs_of(training, [0] * 4) == training.num_train_epochs
