import copy

import pytest
import torch
from torch.optim import Muon

from emotion_qwen.train.batched_muon import BatchedMuon


def matrices(*shapes: tuple[int, int]) -> list[torch.nn.Parameter]:
    noise = torch.Generator().manual_seed(0)
    return [torch.nn.Parameter(torch.randn(shape, generator=noise)) for shape in shapes]


def give_gradients(parameters: list[torch.nn.Parameter], seed: int) -> None:
    noise = torch.Generator().manual_seed(seed)
    for parameter in parameters:
        parameter.grad = torch.randn(parameter.shape, generator=noise)


@pytest.mark.parametrize("shapes", [[(6, 4)], [(4, 6), (6, 4), (4, 6), (5, 5), (4, 6)]], ids=["one", "many"])
def test_every_matrix_moves_as_muon_moves_it(shapes):
    ours = matrices(*shapes)
    theirs = copy.deepcopy(ours)
    batched = BatchedMuon([{"params": ours, "lr": 3e-2}], weight_decay=0.1)
    muon = Muon(theirs, lr=3e-2, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    for seed in range(3):
        for parameters, optimizer in ((ours, batched), (theirs, muon)):
            give_gradients(parameters, seed)
            optimizer.step()
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-3)


def test_a_matrix_without_gradient_stays_and_does_not_hold_up_the_others():
    ours = matrices((4, 6), (4, 6))
    before = copy.deepcopy(ours)
    optimizer = BatchedMuon([{"params": ours, "lr": 3e-2}], weight_decay=0.1)
    give_gradients(ours[1:], 0)
    optimizer.step()
    assert torch.equal(ours[0], before[0])
    assert not torch.equal(ours[1], before[1])
