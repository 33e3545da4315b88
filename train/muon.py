"""Muon for the matrices of hidden layers, AdamW for everything else, as one optimizer.

Muon orthogonalises each update, so that small models learn from far fewer samples. It is for matrices between hidden
layers alone: norms and biases stay with AdamW, and embeddings do as long as no rate names their module.
"""

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn
from torch.optim import AdamW, Optimizer

from emotion_qwen.train.batched_muon import BatchedMuon


class MuonWithAdamW(Optimizer):
    """Two optimizers that share one list of groups and one state, as schedulers and checkpoints expect.

    Args:
        adamw: Of all parameters; those that Muon takes leave it.
        matrices: By learning rate, what Muon trains: float (rows, columns) each.
        weight_decay: Muon's; it is multiplied by the learning rate.
    """

    def __init__(self, adamw: AdamW, matrices: Mapping[float, list[nn.Parameter]], weight_decay: float) -> None:
        taken = {id(matrix) for group in matrices.values() for matrix in group}
        left = [
            {**group, "params": [parameter for parameter in group["params"] if id(parameter) not in taken]}
            for group in adamw.param_groups
        ]
        adamw.param_groups = [group for group in left if group["params"]]
        # Its updates are as large as AdamW's are on average, so that the same learning rates fit.
        muon = BatchedMuon([{"params": group, "lr": rate} for rate, group in matrices.items()], weight_decay)
        self._parts: tuple[Optimizer, Optimizer] = (muon, adamw)
        super().__init__([*muon.param_groups, *adamw.param_groups], {})
        self._share()

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Takes groups and state from a checkpoint."""
        super().__setstate__(state)
        self._share()

    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Steps with both; the closure, if there is one, runs once before."""
        muon, adamw = self._parts
        loss = muon.step(closure)
        adamw.step()
        return loss

    def _share(self) -> None:
        muon, adamw = self._parts
        count = len(muon.param_groups)
        muon.param_groups, adamw.param_groups = self.param_groups[:count], self.param_groups[count:]
        muon.state = adamw.state = self.state
