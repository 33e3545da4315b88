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
            updates: dict[torch.Size, list[tuple[Tensor, Tensor]]] = defaultdict(list)
            for matrix in group["params"]:
                if matrix.grad is not None:
                    updates[matrix.shape].append((matrix, self._with_momentum(matrix, group)))
            for shape, pairs in updates.items():
                matrices, raw = zip(*pairs, strict=True)
                rate = 0.2 * max(shape) ** 0.5 * float(group["lr"])
                for matrix, update in zip(matrices, _orthogonalise(torch.stack(raw), group), strict=True):
                    matrix.mul_(1 - float(group["lr"]) * group["weight_decay"]).add_(update, alpha=-rate)
        return loss

    def _with_momentum(self, matrix: Tensor, group: dict[str, Any]) -> Tensor:
        state = self.state[matrix]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(matrix.grad)
        momentum = state["momentum_buffer"].lerp_(matrix.grad, 1 - group["momentum"])
        return matrix.grad.lerp(momentum, group["momentum"]) if group["nesterov"] else momentum


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
