"""Random adapters for the tiny checkpoint."""

from pathlib import Path

import peft
import torch

from emotion_qwen.inference.checkpoint import load_checkpoint
from emotion_qwen.lora_targets import LANGUAGE_MODEL_LAYERS


def write_adapter(
    checkpoint: Path, folder: Path, seed: int = 0, *, spoil_everything: bool = False, **settings
) -> Path:
    """Writes a LoRA whose weights are random, so that it changes what the model says.

    Args:
        spoil_everything: Whether whatever else is trained gets random weights too.
        settings: Fields of `LoraConfig` that differ from emotional tuning's.
    """
    model, _ = load_checkpoint(checkpoint, device="cpu")
    torch.manual_seed(seed)
    options = {"r": 4, "lora_alpha": 4, "target_modules": LANGUAGE_MODEL_LAYERS, "init_lora_weights": False} | settings
    adapted = peft.get_peft_model(model, peft.LoraConfig(**options))
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_B" in name:
                parameter.mul_(10)
            elif spoil_everything and parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter), alpha=0.1)
    adapted.save_pretrained(folder)
    return folder
