"""Weights divided among processes: each run of a module is a meeting, to which all must come equally often."""

from datetime import timedelta

import pytest
import torch
from torch import distributed, multiprocessing
from torch.distributed.fsdp import fully_shard

from emotion_qwen.sharded_weights import is_sharded

from .tiny import prompt, tiny_model, words

WAIT = timedelta(seconds=180)
IMAGE, VIDEO = ("image", (1, 4, 4)), ("video", (2, 4, 6))
BATCHES = [(words(6),), (IMAGE, words(6)), (words(2), VIDEO, words(3)), (VIDEO, words(2), IMAGE, words(3))]


def divided_model():
    model = tiny_model()
    for block in (*model.model.visual.blocks, *model.model.language_model.layers):
        fully_shard(block, mesh=distributed.init_device_mesh("cpu", (2,)))
    return fully_shard(model, mesh=distributed.init_device_mesh("cpu", (2,)))


def run_all_pairs(rank: int, meeting: str) -> None:
    """Each batch here while the other process has each other one; the losses must be those of the whole model."""
    distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=2, timeout=WAIT)
    model, whole = divided_model(), tiny_model()
    assert is_sharded(model.model.visual) and not is_sharded(whole.model.visual)
    for first in range(len(BATCHES)):
        for second in range(len(BATCHES)):
            inputs = prompt(*BATCHES[(first, second)[rank]])
            expected = whole(**inputs, labels=inputs["input_ids"]).loss
            with torch.no_grad():
                torch.testing.assert_close(model.eval()(**inputs, labels=inputs["input_ids"]).loss, expected)
            loss = model.train()(**inputs, labels=inputs["input_ids"]).loss
            torch.testing.assert_close(loss, expected)
            loss.backward()
            model.zero_grad()
    distributed.destroy_process_group()


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_processes_do_not_wait_for_each_other_whatever_their_batches_hold(tmp_path):
    multiprocessing.spawn(run_all_pairs, (str(tmp_path / "meeting"),), nprocs=2, daemon=True)
