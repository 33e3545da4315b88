"""TRL's and transformers' settings that would change nothing here: refused, instead of being ignored."""

from dataclasses import fields
from types import MappingProxyType

from trl import SFTConfig

_SHUFFLED = "samples are shuffled by `seed`, in batches of one source each"
_NOT_CUT = "nothing is cut off: choose smaller pictures or fewer frames in the processor"
_NOT_PACKED = "a batch is padded: samples of one source, and so of much the same length, share one"
_LEARNT = "what is learnt is what the chat template marks: the assistant's words"
IDLE = MappingProxyType(
    {
        "max_length": _NOT_CUT,
        "truncation_mode": _NOT_CUT,
        "packing": _NOT_PACKED,
        "eval_packing": _NOT_PACKED,
        "padding_free": _NOT_PACKED,
        "pad_to_multiple_of": _NOT_PACKED,
        "completion_only_loss": _LEARNT,
        "assistant_only_loss": _LEARNT,
        "shuffle_dataset": _SHUFFLED,
        "train_sampling_strategy": _SHUFFLED,
    }
)
"""What happens instead, by the name of the setting: this package itself reads, tokenizes and batches the samples."""


def require_effect(training: SFTConfig) -> None:
    """Stops a run whose recipe counts on a setting that changes nothing.

    Args:
        training: The training settings.

    Raises:
        ValueError: If one in `IDLE` is neither left out nor turned off, naming it and what happens instead.
    """
    defaults = {item.name: item.default for item in fields(SFTConfig)}
    for name, instead in IDLE.items():
        if getattr(training, name) not in (None, False, defaults[name]):
            raise ValueError(f"{name} has no effect here, so leave it out: {instead}.")
