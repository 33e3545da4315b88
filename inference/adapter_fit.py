"""Whether an adapter can be switched on and off on a model, judged by its files before the model is touched."""

import re
from collections.abc import Mapping
from pathlib import Path

from torch import nn

from .adapter_files import check_base, read_adapter_config, read_weight_shapes
from .errors import AdapterError

_LORA_WEIGHT = re.compile(r"base_model\.model\.(?P<layer>.*\blanguage_model\..+)\.lora_(?P<side>[AB])\.weight")
_SIDE = {"A": 1, "B": 0}
"""Which side of a linear layer's (out, in) shape LoRA's matrices share: A its input features, B its output ones."""
_CHANGES_THE_MODEL = ("modules_to_save", "trainable_token_indices", "layer_replication")
"""Fields of PEFT's config by which an adapter replaces parts of the model instead of adding to them."""


def check_fit(folder: Path, model: nn.Module) -> None:
    """Refuse an adapter that has more than LoRA matrices for linear layers of this model's language model.

    Other adapters can't be chosen row by row; or they change the visual tokens, which are computed once for all
    adapters; or they change the model itself, so that it would not answer as before when they are off.

    Args:
        folder: The adapter's local folder.
        model: The model, whether or not PEFT has wrapped layers of it.

    Raises:
        AdapterError: If it was made for another model, or can only be merged.
    """
    check_base(folder, type(model).__name__)
    config = read_adapter_config(folder)
    if config.get("peft_type") != "LORA":
        raise AdapterError(
            f"Only LoRA can be chosen per call; adapter {str(folder)!r} is of the kind {config.get('peft_type')}."
        )
    changed = [field for field in _CHANGES_THE_MODEL if config.get(field)]
    changed += ["bias"] if config.get("bias", "none") != "none" else []
    if changed:
        raise AdapterError(
            f"Adapter {str(folder)!r} changes more than the language model's layers ({changed[0]}): merge it instead."
        )
    layers = _linear_layers(model)
    for name, shape in read_weight_shapes(folder).items():
        _check_weight(folder, name, shape, layers)


def _linear_layers(model: nn.Module) -> dict[str, tuple[int, int]]:
    """Numbers of features (out, in) of the linear layers by name, however their weights are stored."""
    return {
        name: (module.out_features, module.in_features)
        for name, module in model.named_modules()
        if hasattr(module, "out_features") and hasattr(module, "in_features")
    }


def _check_weight(folder: Path, name: str, shape: tuple[int, ...], layers: Mapping[str, tuple[int, int]]) -> None:
    match = _LORA_WEIGHT.fullmatch(name)
    if match is None:
        raise AdapterError(
            f"Adapter {str(folder)!r} changes more than the language model's layers, such as {name}: merge it instead."
        )
    layer, side = layers.get(match["layer"]), _SIDE[match["side"]]
    if layer is None or len(shape) != 2 or layer[side] != shape[side]:
        ours = "lacks that layer" if layer is None else f"has a layer of {layer[1]} to {layer[0]} features there"
        raise AdapterError(
            f"Adapter {str(folder)!r} was made for another model: its {name} is {list(shape)}, and this model {ours}."
        )
