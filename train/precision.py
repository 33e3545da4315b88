"""Whether a run computes in bfloat16; the weights that learn stay float32."""

import argparse

import torch
from transformers.hf_argparser import string_to_bool

AUTO = "auto"
"""The value of the setting `bf16` that leaves it to the device."""
_CPU_INSTRUCTIONS = ("avx512_bf16", "amx_bf16")


def bf16_setting(text: str) -> bool | str:
    """Reads the setting `bf16`: yes or no as every setting says it, or `AUTO`.

    Args:
        text: What stands in the recipe or on the command line.

    Raises:
        argparse.ArgumentTypeError: If it is none of them.
    """
    if text == AUTO:
        return AUTO
    try:
        return string_to_bool(text)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not true, false or {AUTO}") from error


def multiplies_bf16(use_cpu: bool = False) -> bool:
    """Whether the device that trains has instructions for bfloat16, as far as is known: without, float32 is faster.

    Args:
        use_cpu: Whether it is the CPU, even where there is a GPU. Of CPUs, those of x86 tell.
    """
    if not use_cpu and torch.accelerator.is_available():
        return torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
    can = getattr(torch.cpu, "get_capabilities", dict)()  # torch 2.9 does not tell
    return any(can.get(name, False) for name in _CPU_INSTRUCTIONS)
