"""Whether a module's weights are divided among processes."""

import torch
from torch import nn
from transformers.integrations.deepspeed import is_deepspeed_zero3_enabled


def is_sharded(module: nn.Module) -> bool:
    """Whether running a module gathers its weights from all processes (ZeRO-3, FSDP).

    Each run then is a meeting of the processes: one that runs the module less often has the others wait for ever.

    Args:
        module: The module.
    """
    if not torch.distributed.is_available():
        return False
    from torch.distributed.fsdp import FSDPModule, FullyShardedDataParallel  # builds without `distributed` lack it

    kinds = (FSDPModule, FullyShardedDataParallel)
    return is_deepspeed_zero3_enabled() or any(isinstance(part, kinds) for part in module.modules())


__all__ = ["is_sharded"]
