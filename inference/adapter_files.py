"""Adapters as folders in PEFT's format: finding them, and reading their files without loading them into a model."""

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from safetensors import SafetensorError, safe_open

from emotion_qwen import EmotionQwenConfig

from .adapter_purpose import PURPOSE_FILE, AdapterPurpose, read_purpose
from .errors import AdapterError
from .json_file import read_settings

CONFIG_FILE = "adapter_config.json"
WEIGHTS_FILE = "adapter_model.safetensors"
ADAPTERS_FOLDER = "adapters"
"""Folder of a checkpoint that holds the adapters that come with it, one folder each."""

BASE = "base"
"""Used in place of an adapter's name for the model without any."""
AUTO = "auto"
"""Used in place of an adapter's name for the one that the question calls for (`choose_adapter`)."""

_FILES = (CONFIG_FILE, WEIGHTS_FILE)
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_PEFT_PREFIX = "lora_"
"""PEFT may lose the weights of an adapter whose name is a part of this prefix of its layers."""
_UNFINISHED = re.compile(r"\.|checkpoint-\d+$")
"""Names of folders that hold no finished adapter: hidden ones, and a run's checkpoints."""


@dataclass(frozen=True)
class AdapterInfo:
    """An adapter's folder.

    Attributes:
        name: The name that it is called by.
        folder: Its local folder.
        purpose: The questions that it answers.
        rank: LoRA's rank r; None for other kinds of adapters.
        alpha: LoRA's scaling α; None for other kinds of adapters.
        parameters: Number of its weights.
        base_model: The model that it was trained on, if its config names one.
    """

    name: str
    folder: Path
    purpose: AdapterPurpose
    rank: int | None
    alpha: float | None
    parameters: int
    base_model: str | None


def find_adapters(folder: str | Path) -> dict[str, Path]:
    """List the adapters in a folder: the folder itself if it is one, and those of its folders that are.

    PEFT writes one adapter into the folder it is given, and several into a folder each, named after them. Hidden
    folders and the checkpoints of a run are left out; an adapter that lacks a file is not, so that it is missed by
    name instead of the model answering without it.

    Args:
        folder: A local folder; it need not exist.

    Returns:
        Folders by the names that the adapters can be called by, sorted.
    """
    folder = Path(folder)
    inside = [path for path in sorted(folder.iterdir()) if not _UNFINISHED.match(path.name)] if folder.is_dir() else []
    return {_folder_name(path): path for path in (folder, *inside) if any((path / name).is_file() for name in _FILES)}


def own_adapters(checkpoint: str | Path) -> dict[str, Path]:
    """List the adapters that come with a checkpoint, in its folder `adapters`.

    Args:
        checkpoint: Local folder or Hub id; from the Hub, only the adapters are fetched.

    Returns:
        Local folders by name, sorted.

    Raises:
        AdapterError: If the Hub has no such checkpoint, or can't be reached.
    """
    folder = Path(checkpoint)
    if not folder.is_dir() and not _is_local(checkpoint):
        folder = _fetch(str(checkpoint), f"{ADAPTERS_FOLDER}/*/", "checkpoint")
    return find_adapters(folder / ADAPTERS_FOLDER)


def list_adapters(adapters: Mapping[str, str | Path] | str | Path | None) -> Mapping[str, str | Path]:
    """List adapters that are named one by one, or by the folder that they lie in.

    Raises:
        AdapterError: If there is no adapter in that folder.
    """
    if adapters is None or isinstance(adapters, Mapping):
        return adapters or {}
    found = find_adapters(adapters)
    if not found:
        raise AdapterError(f"There is no adapter in {str(adapters)!r}.")
    return found


def locate_adapter(path_or_id: str | Path) -> Path:
    """Return the local folder of an adapter, fetched from the Hub where an id is given.

    Raises:
        AdapterError: If there is none, or a file of it is missing.
    """
    if not str(path_or_id):
        raise AdapterError("The name of the adapter is empty.")
    folder = Path(path_or_id)
    if not folder.is_dir():
        if _is_local(path_or_id):
            raise AdapterError(f"There is no adapter folder {str(path_or_id)!r}.")
        folder = _fetch(str(path_or_id), "", "adapter")
    for name in _FILES:
        if not (folder / name).is_file():
            raise AdapterError(f"Adapter {str(path_or_id)!r} lacks {name}.")
    return folder


def adapter_name(folder: str | Path) -> str:
    """Name an adapter after its folder; characters that PEFT does not allow in a name become underscores.

    Raises:
        AdapterError: If the result is still no valid name.
    """
    return checked_name(_folder_name(folder))


def checked_name(name: str) -> str:
    """Return a name once it is clear that PEFT and this package can use it.

    Raises:
        AdapterError: If they can't.
    """
    if not _NAME.fullmatch(name) or name in (BASE, AUTO) or name in _PEFT_PREFIX:
        raise AdapterError(
            f"{name!r} is no name for an adapter: use letters, digits, - and _, but not a reserved word."
        )
    return name


def read_adapter(folder: str | Path, name: str | None = None) -> AdapterInfo:
    """Describe an adapter from its files, without loading it into a model.

    Args:
        folder: Its local folder, or a Hub id.
        name: The name to call it by; the folder's name by default.

    Raises:
        AdapterError: If a file is missing or damaged.
    """
    folder = locate_adapter(folder)
    name = adapter_name(folder) if name is None else name
    config = read_adapter_config(folder)
    return AdapterInfo(
        name=name,
        folder=folder,
        purpose=read_purpose(folder, name),
        rank=config.get("r"),
        alpha=config.get("lora_alpha"),
        parameters=sum(map(math.prod, read_weight_shapes(folder).values())),
        base_model=config.get("base_model_name_or_path"),
    )


def read_adapter_config(folder: Path) -> dict[str, Any]:
    """Read PEFT's config of an adapter.

    Raises:
        AdapterError: If it is no JSON object.
    """
    return read_settings(folder / CONFIG_FILE, AdapterError)


def read_weight_shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    """Read the shape of each of an adapter's weights, by name.

    Raises:
        AdapterError: If the weights are damaged.
    """
    try:
        with safe_open(folder / WEIGHTS_FILE, framework="pt") as weights:
            return {name: tuple(weights.get_slice(name).get_shape()) for name in weights.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise AdapterError(f"The weights of adapter {str(folder)!r} are damaged.") from error


def check_base(folder: Path, model_class: str) -> None:
    """Refuse an adapter whose config says that it was made for another architecture.

    Args:
        folder: Its local folder.
        model_class: Name of the model's class.

    Raises:
        AdapterError: If it names another class, or a base model on this machine that is not Emotion-Qwen.
    """
    config = read_adapter_config(folder)
    trained_on = (config.get("auto_mapping") or {}).get("base_model_class", model_class)
    base = config.get("base_model_name_or_path")
    if base and (Path(base) / "config.json").is_file():
        model_type = read_settings(Path(base) / "config.json", AdapterError).get("model_type")
        if model_type != EmotionQwenConfig.model_type:
            trained_on = f"{model_type} ({base})"
    if trained_on != model_class:
        raise AdapterError(f"Adapter {str(folder)!r} was made for another model, {trained_on}.")


def _folder_name(folder: str | Path) -> str:
    """Name of a folder, also if given as "..", or of a link to one; characters not allowed in a name are replaced."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", os.path.basename(os.path.abspath(folder)))


def _is_local(path_or_id: str | Path) -> bool:
    """Whether it can only be a path, not an id on the Hub."""
    return Path(path_or_id).is_absolute() or str(path_or_id).startswith(".")


def _fetch(repo_id: str, place: str, what: str) -> Path:
    files = [f"{place}{name}" for name in (*_FILES, PURPOSE_FILE)]
    try:
        return Path(snapshot_download(repo_id, allow_patterns=files))
    except (OSError, ValueError) as error:
        raise AdapterError(
            f"There is no {what} {repo_id!r}, neither here nor, as far as can be told, on the Hub."
        ) from error
