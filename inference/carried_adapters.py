"""Adapters that travel in a checkpoint's folder: checked against its weights and written beside them, without PEFT."""

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from safetensors import safe_open
from torch import nn

from .adapter_files import (
    CONFIG_FILE,
    PURPOSE_FILE,
    WEIGHTS_FILE,
    AdapterInfo,
    check_base,
    checked_name,
    list_adapters,
    read_adapter,
    read_adapter_config,
)
from .errors import AdapterError

_FILES = {CONFIG_FILE, PURPOSE_FILE, WEIGHTS_FILE}
_LORA_WEIGHT = re.compile(r"(?:base_model\.model\.)?(?P<module>.+)\.lora_(?P<side>[AB])\.weight")
_SIDE = {"A": 1, "B": 0}
"""Which dimension of a linear layer's weight (outputs, inputs) LoRA's matrices share: A its inputs, B its outputs."""


def carry_adapters(
    model: nn.Module, adapters: Mapping[str, str | Path] | str | Path | None, folder: Path
) -> list[AdapterInfo]:
    """Write adapters into a folder each, named after them.

    Args:
        model: The model of the checkpoint that they come with.
        adapters: Local folders or Hub ids by name, or one local folder that holds a folder for each.
        folder: The folder to write; it is made where there are any.

    Returns:
        What each of them is.

    Raises:
        AdapterError: If one can't be read, has no name that it can be called by, or was made for another model.
    """
    found = [read_adapter(path, checked_name(name)) for name, path in list_adapters(adapters).items()]
    shapes = {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}
    for info in found:
        check_base(info.folder, type(model).__name__)
        _check_shapes(info, shapes)
        _write(info, folder / info.name)
    return found


def holds_only_carried(folder: Path) -> bool:
    """Tell whether all in a folder was written by `carry_adapters`."""
    return folder.is_dir() and all(_is_carried(entry) for entry in folder.iterdir())


def _is_carried(folder: Path) -> bool:
    if not folder.is_dir() or {entry.name for entry in folder.iterdir()} != _FILES:
        return False
    return read_adapter_config(folder).get("base_model_name_or_path", "") is None


def _check_shapes(info: AdapterInfo, shapes: Mapping[str, tuple[int, ...]]) -> None:
    with safe_open(info.folder / WEIGHTS_FILE, framework="pt") as weights:
        found = {name: tuple(weights.get_slice(name).get_shape()) for name in weights.keys()}  # noqa: SIM118
    for name, shape in found.items():
        match = _LORA_WEIGHT.fullmatch(name)
        if match is None:
            raise AdapterError(f"Adapter {str(info.folder)!r} holds more than LoRA's, such as {name}: merge it.")
        layer, side = shapes.get(f"{match['module']}.weight"), _SIDE[match["side"]]
        if layer is None or len(layer) != 2 or layer[side] != shape[side]:
            theirs = "lacks it" if layer is None else f"has {layer}"
            raise AdapterError(
                f"Adapter {str(info.folder)!r} was made for another model: it has {shape} for {match['module']}, and "
                f"this model {theirs}."
            )


def _write(info: AdapterInfo, folder: Path) -> None:
    folder.mkdir(parents=True)
    # The base model is the folder's own, wherever that lies.
    config = read_adapter_config(info.folder) | {"base_model_name_or_path": None, "inference_mode": True}
    (folder / CONFIG_FILE).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    shutil.copyfile(info.folder / WEIGHTS_FILE, folder / WEIGHTS_FILE)
    info.purpose.save(folder)
