import copy

import pytest
import torch
from torch import nn
from torch.optim import AdamW, Muon
from torch.optim.lr_scheduler import LambdaLR

from emotion_qwen.train.muon import MuonWithAdamW
from emotion_qwen.train.trainable_modules import matrices_by_rate


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.ModuleDict({"hidden": nn.Linear(6, 4), "norm": nn.LayerNorm(4), "head": nn.Linear(4, 3)})


def both(model):
    adamw = AdamW(model.parameters(), lr=1e-2, weight_decay=0.1)
    return MuonWithAdamW(adamw, matrices_by_rate(model.named_parameters(), {"hidden": 3e-2}), weight_decay=0.1)


def step(model, optimizer, seed=0):
    inputs = torch.randn(8, 6, generator=torch.Generator().manual_seed(seed))
    optimizer.zero_grad()
    model["head"](model["norm"](model["hidden"](inputs))).square().sum().backward()
    optimizer.step()


def test_matrices_of_the_named_modules_are_muons_and_nothing_else(model):
    model["head"].weight.requires_grad_(False)
    named = list(model.named_parameters())
    (rate, (matrix,)), *others = matrices_by_rate(named, {"hidden": 3e-2, "norm": 1.0, "head": 1.0}).items()
    assert rate == 3e-2 and matrix is model["hidden"].weight and not others
    assert matrices_by_rate(named, {}) == {}


def test_each_parameter_moves_as_its_own_optimizer_moves_it(model):
    alone = copy.deepcopy(model)
    rest = [parameter for name, parameter in alone.named_parameters() if name != "hidden.weight"]
    muon = Muon([alone["hidden"].weight], lr=3e-2, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    adamw = AdamW(rest, lr=1e-2, weight_decay=0.1)
    optimizer = both(model)
    for seed in range(3):
        step(model, optimizer, seed)
        alone.zero_grad()
        inputs = torch.randn(8, 6, generator=torch.Generator().manual_seed(seed))
        alone["head"](alone["norm"](alone["hidden"](inputs))).square().sum().backward()
        muon.step()
        adamw.step()
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, alone.get_parameter(name)), name


def test_a_scheduler_slows_both(model):
    optimizer = both(model)
    schedule = LambdaLR(optimizer, lambda number: 0.0 if number else 1.0)
    step(model, optimizer)
    schedule.step()
    before = copy.deepcopy(model.state_dict())
    step(model, optimizer)
    assert {group["lr"] for group in optimizer.param_groups} == {0.0}
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_it_goes_on_from_its_saved_state(model, tmp_path):
    optimizer = both(model)
    step(model, optimizer, 0)
    torch.save(optimizer.state_dict(), tmp_path / "optimizer.pt")
    other = copy.deepcopy(model)
    resumed = both(other)
    resumed.load_state_dict(torch.load(tmp_path / "optimizer.pt", weights_only=True))
    for seed in (1, 2):
        step(model, optimizer, seed)
        step(other, resumed, seed)
    for name, value in model.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name
