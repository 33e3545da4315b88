"""TRL's and transformers' settings that would change nothing here: refused, instead of being ignored."""

from dataclasses import fields
from types import MappingProxyType

from trl import SFTConfig

_SHUFFLED = "samples are shuffled by `seed`"
_NOT_CUT = "nothing is cut off: choose smaller pictures or fewer frames in the processor"
_NOT_PACKED = "the samples of a batch are padded to its longest"
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
        "data_seed": _SHUFFLED,
        "train_sampling_strategy": _SHUFFLED,
    }
)
"""What happens instead, by the name of the setting: this package itself reads, tokenizes and batches the samples."""


def require_effect(training: SFTConfig) -> None:
    """Stops a run whose recipe counts on a setting that changes nothing.

    Args:
        training: The training settings.

    Raises:
        ValueError: If one in `IDLE` is neither None nor left as it is, naming it and what happens instead. Of
            `max_length`, TRL's own 1024 is refused too: it is what many write who want it.
    """
    untouched = {item.name: item.default for item in fields(SFTConfig)} | {"max_length": None}
    for name, instead in IDLE.items():
        value = getattr(training, name)
        if value is not None and value != untouched[name]:
            raise ValueError(f"{name} has no effect here, so leave it out: {instead}.")
