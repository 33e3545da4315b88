"""Torch's Muon with the matrices of one shape orthogonalised together: one by one, small ones are slow."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Muon


class BatchedMuon(Muon):
    """Steps as `Muon` does, with `adjust_lr_fn="match_rms_adamw"`: updates as large as AdamW's are on average.

    Args:
        groups: Groups of float matrices (rows, columns), with their learning rates.
        weight_decay: It is multiplied by the learning rate.
    """

    def __init__(self, groups: list[dict[str, Any]], weight_decay: float) -> None:
        super().__init__(groups, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw")

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Steps once."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            self._step_group(group, float(group["lr"]))
        return loss

    def _step_group(self, group: dict[str, Any], learning_rate: float) -> None:
        matrices: list[Tensor] = []
        gradients: list[Tensor] = []
        momenta: list[Tensor] = []
        self._init_group(group, matrices, gradients, momenta)
        updates: dict[torch.Size, list[tuple[Tensor, Tensor]]] = defaultdict(list)
        for matrix, gradient, momentum in zip(matrices, gradients, momenta, strict=True):
            momentum.lerp_(gradient, 1 - group["momentum"])
            update = gradient.lerp(momentum, group["momentum"]) if group["nesterov"] else momentum
            updates[matrix.shape].append((matrix, update))
        for shape, pairs in updates.items():
            alike, raw = zip(*pairs, strict=True)
            rate = 0.2 * max(shape) ** 0.5 * learning_rate
            for matrix, update in zip(alike, _orthogonalise(torch.stack(raw), group), strict=True):
                matrix.mul_(1 - learning_rate * group["weight_decay"]).add_(update, alpha=-rate)


def _orthogonalise(updates: Tensor, group: dict[str, Any]) -> Tensor:
    """Newton and Schulz's iteration, in bfloat16 as Muon's own: `(matrices, rows, columns)`."""
    if updates.shape[1] > updates.shape[2]:
        return _orthogonalise(updates.mT, group).mT
    first, third, fifth = group["ns_coefficients"]
    found = updates.to(torch.bfloat16)
    found = found / torch.linalg.vector_norm(found, dim=(1, 2), keepdim=True).clamp(min=group["eps"])
    for _ in range(group["ns_steps"]):
        gram = found @ found.mT
        found = torch.baddbmm(found, torch.baddbmm(gram, gram, gram, beta=third, alpha=fifth), found, beta=first)
    return found
