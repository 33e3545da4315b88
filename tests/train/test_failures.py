import errno

import pytest
import torch

from emotion_qwen.train.failures import TrainingError, explained


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory"), MemoryError()])
def test_a_full_memory_says_what_to_lower(error):
    with pytest.raises(TrainingError, match="per_device_train_batch_size"), explained("out"):
        raise error


def test_a_full_disk_says_where_and_that_the_run_can_go_on():
    with pytest.raises(TrainingError, match="'out'.*goes on from the last complete checkpoint"), explained("out"):
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("error", [OSError(errno.EACCES, "Permission denied"), ValueError("other")])
def test_other_errors_pass(error):
    with pytest.raises(type(error), match="denied|other"), explained("out"):
        raise error
