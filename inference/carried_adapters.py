"""Adapters that travel in a checkpoint's folder: checked against its weights and written beside them, without PEFT."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from torch import nn

from .adapter_files import (
    CONFIG_FILE,
    WEIGHTS_FILE,
    AdapterInfo,
    checked_name,
    list_adapters,
    read_adapter,
    read_adapter_config,
)
from .adapter_fit import check_fit
from .adapter_purpose import PURPOSE_FILE

_FILES = {CONFIG_FILE, PURPOSE_FILE, WEIGHTS_FILE}


def carry_adapters(
    model: nn.Module, adapters: Mapping[str, str | Path] | str | Path | None, folder: Path
) -> list[AdapterInfo]:
    """Write adapters into a folder each, named after them.

    Args:
        model: The model of the checkpoint that they come with.
        adapters: Local folders or Hub ids by name, or one local folder that holds a folder for each.
        folder: The folder to write; it is created only if there are any.

    Returns:
        The description of each.

    Raises:
        AdapterError: If one can't be read, has a name that is not allowed, or does not fit the model.
    """
    found = [read_adapter(path, checked_name(name)) for name, path in list_adapters(adapters).items()]
    for info in found:
        check_fit(info.folder, model)
        (folder / info.name).mkdir(parents=True)
        # Without a name of the base model: it is the folder around the adapter, wherever that lies.
        write_adapter(replace(info, base_model=None), folder / info.name)
    return found


def write_adapter(info: AdapterInfo, folder: Path) -> None:
    """Write an adapter for others to load: config, weights and purpose.

    Args:
        info: The adapter, with the base model that the new folder is to name.
        folder: A folder that lacks these files.
    """
    config = read_adapter_config(info.folder) | {"base_model_name_or_path": info.base_model, "inference_mode": True}
    (folder / CONFIG_FILE).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    shutil.copyfile(info.folder / WEIGHTS_FILE, folder / WEIGHTS_FILE)
    info.purpose.save(folder)


def holds_only_carried(folder: Path) -> bool:
    """Tell whether a folder holds nothing but what `carry_adapters` writes."""
    return folder.is_dir() and all(_is_carried(entry) for entry in folder.iterdir())


def _is_carried(folder: Path) -> bool:
    if not folder.is_dir() or {entry.name for entry in folder.iterdir()} != _FILES:
        return False
    return read_adapter_config(folder).get("base_model_name_or_path", "") is None
