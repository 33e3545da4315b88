"""Adapters as folders in PEFT's format: finding them, and reading what they say of themselves."""

import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from huggingface_hub import snapshot_download
from safetensors import SafetensorError, safe_open

from emotion_qwen import EmotionQwenConfig

from .errors import AdapterError
from .label_sets import LABEL_SETS

CONFIG_FILE = "adapter_config.json"
WEIGHTS_FILE = "adapter_model.safetensors"
PURPOSE_FILE = "emotion_qwen_adapter.json"
ADAPTERS_FOLDER = "adapters"
"""Where a checkpoint folder keeps the adapters that come with it, one folder each."""

BASE = "base"
"""In the place of an adapter's name: the model without any."""
AUTO = "auto"
"""In the place of an adapter's name: the one that the question calls for (`choose_adapter`)."""

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_PEFT_PREFIX = "lora_"
_PASSING = re.compile(r"\.|checkpoint-\d+$")
"""Beginnings of the names of folders that are still to become something else."""


@dataclass(frozen=True)
class AdapterPurpose:
    """What an adapter was trained to answer; `AUTO` goes by it.

    Attributes:
        labels: The labels that it names one of, or None where it names none.
        open_questions: Whether it answers open questions about emotion; by default where it names no labels.
        media: "image" or "video": the only kind that it was trained on; None: both, or text alone.

    Raises:
        ValueError: If the kind of media is another one, or it answers nothing.
    """

    labels: tuple[str, ...] | None = None
    open_questions: bool | None = None
    media: Literal["image", "video"] | None = None

    def __post_init__(self) -> None:
        if self.open_questions is None:
            object.__setattr__(self, "open_questions", self.labels is None)
        if self.media not in (None, "image", "video"):
            raise ValueError(f"An adapter is for media of the kind image, video or null, not {self.media!r}.")
        if self.labels is None and not self.open_questions:
            raise ValueError("An adapter names labels or answers open questions, or both.")

    def describe(self) -> str:
        """Say it in words, such as "with one of happy, sad, of clips"."""
        answers = [] if self.labels is None else [f"with one of {', '.join(self.labels)}"]
        answers += ["open questions about emotion"] if self.open_questions else []
        of_media = {None: "", "image": ", of pictures", "video": ", of clips"}
        return " and ".join(answers) + of_media[self.media]

    def save(self, folder: str | Path) -> None:
        """Write it beside the adapter's weights."""
        text = json.dumps(asdict(self), ensure_ascii=False, indent=2) + "\n"
        (Path(folder) / PURPOSE_FILE).write_text(text, encoding="utf-8")


@dataclass(frozen=True)
class AdapterInfo:
    """An adapter's folder.

    Attributes:
        name: What it is called by.
        folder: Where it lies.
        purpose: What it answers.
        rank: LoRA's rank r.
        alpha: LoRA's scaling α.
        parameters: Number of its weights.
        base_model: The model that it was trained on, as it says; None where it does not.
    """

    name: str
    folder: Path
    purpose: AdapterPurpose
    rank: int | None
    alpha: float | None
    parameters: int
    base_model: str | None


def find_adapters(folder: str | Path) -> dict[str, Path]:
    """List the adapters in a folder: itself, where it is one, and the folders in it that are.

    PEFT writes one adapter into the folder it is given and several into a folder each, named after them. Left out are
    hidden folders and the checkpoints of a run.

    Args:
        folder: A local folder; it need not exist.

    Returns:
        Folders by the names that the adapters can be called by, sorted.
    """
    folder = Path(folder)
    inside = [path for path in sorted(folder.iterdir()) if not _PASSING.match(path.name)] if folder.is_dir() else []
    return {_folder_name(path): path for path in (folder, *inside) if (path / CONFIG_FILE).is_file()}


def own_adapters(checkpoint: str | Path) -> dict[str, Path]:
    """List the adapters that come with a checkpoint, in its folder `adapters`.

    Args:
        checkpoint: Local folder or Hub id; of the latter the adapters are fetched.

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
    folder = Path(path_or_id)
    if not folder.is_dir():
        if _is_local(path_or_id):
            raise AdapterError(f"There is no adapter folder {str(path_or_id)!r}.")
        folder = _fetch(str(path_or_id), "", "adapter")
    for name in (CONFIG_FILE, WEIGHTS_FILE):
        if not (folder / name).is_file():
            raise AdapterError(f"Adapter {str(path_or_id)!r} lacks {name}.")
    return folder


def adapter_name(folder: str | Path) -> str:
    """Name an adapter after its folder; what PEFT can't have in a name becomes an underscore.

    Raises:
        AdapterError: If that is no name for an adapter.
    """
    return checked_name(_folder_name(folder))


def checked_name(name: str) -> str:
    """Return a name that PEFT and this package can call an adapter by.

    Raises:
        AdapterError: If it is not one.
    """
    if not _NAME.fullmatch(name) or name in (BASE, AUTO) or name in _PEFT_PREFIX:
        raise AdapterError(
            f"{name!r} is no name for an adapter: use letters, digits, - and _, but not a reserved word."
        )
    return name


def read_adapter(folder: str | Path, name: str | None = None) -> AdapterInfo:
    """Read what an adapter's folder says, without loading it into a model.

    Args:
        folder: Its local folder.
        name: What to call it; the folder's name by default.

    Raises:
        AdapterError: If a file is missing or damaged.
    """
    folder = locate_adapter(folder)
    name = adapter_name(folder) if name is None else name
    config = read_adapter_config(folder)
    try:
        with safe_open(folder / WEIGHTS_FILE, framework="pt") as weights:
            shapes = [weights.get_slice(key).get_shape() for key in weights.keys()]  # noqa: SIM118 - not a dict
    except SafetensorError as error:
        raise AdapterError(f"The weights of adapter {str(folder)!r} are damaged.") from error
    return AdapterInfo(
        name=name,
        folder=folder,
        purpose=read_purpose(folder, name),
        rank=config.get("r"),
        alpha=config.get("lora_alpha"),
        parameters=sum(map(math.prod, shapes)),
        base_model=config.get("base_model_name_or_path"),
    )


def read_purpose(folder: Path, name: str) -> AdapterPurpose:
    """Tell what an adapter answers.

    Args:
        folder: Its local folder; its purpose file counts.
        name: Its name. Without a purpose file, an adapter that is named after a label set answers that set's
            question, and any other one open questions.

    Raises:
        AdapterError: If the purpose file is damaged.
    """
    if not (folder / PURPOSE_FILE).is_file():
        return AdapterPurpose(LABEL_SETS[name].labels) if name in LABEL_SETS else AdapterPurpose()
    stated = _read_json(folder / PURPOSE_FILE)
    labels, open_questions = stated.get("labels"), stated.get("open_questions")
    try:
        if labels is not None and (not isinstance(labels, list) or len(labels) < 2):
            raise ValueError(f"`labels` must be a list of at least two, or null, not {labels!r}.")
        if open_questions not in (None, True, False):
            raise ValueError(f"`open_questions` must be true or false, not {open_questions!r}.")
        labels = None if labels is None else tuple(map(str, labels))
        return AdapterPurpose(labels, open_questions, stated.get("media"))
    except ValueError as error:
        raise AdapterError(f"{str(folder / PURPOSE_FILE)!r} can't be used: {error}") from error


def read_adapter_config(folder: Path) -> dict[str, Any]:
    """Read PEFT's config of an adapter.

    Raises:
        AdapterError: If it is no JSON object.
    """
    return _read_json(folder / CONFIG_FILE)


def check_base(folder: Path, model_class: str) -> None:
    """Refuse an adapter that says of itself that it was made for another architecture.

    Args:
        folder: Its local folder.
        model_class: Name of the model's class.

    Raises:
        AdapterError: If it names another class, or a base model on this machine that is no Emotion-Qwen.
    """
    config = read_adapter_config(folder)
    trained_on = (config.get("auto_mapping") or {}).get("base_model_class", model_class)
    base = config.get("base_model_name_or_path")
    if base and (Path(base) / "config.json").is_file():
        model_type = _read_json(Path(base) / "config.json").get("model_type")
        if model_type != EmotionQwenConfig.model_type:
            trained_on = f"{model_type} ({base})"
    if trained_on != model_class:
        raise AdapterError(f"Adapter {str(folder)!r} was made for another model, {trained_on}.")


def _folder_name(folder: str | Path) -> str:
    """Name of a folder, also where it is given as "..", and a link's own; what no adapter's name has is replaced."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", os.path.basename(os.path.abspath(folder)))


def _is_local(path_or_id: str | Path) -> bool:
    """Whether it can't be meant for an id on the Hub."""
    return Path(path_or_id).is_absolute() or str(path_or_id).startswith(".")


def _fetch(repo_id: str, place: str, what: str) -> Path:
    files = [f"{place}{name}" for name in (CONFIG_FILE, WEIGHTS_FILE, PURPOSE_FILE)]
    try:
        return Path(snapshot_download(repo_id, allow_patterns=files))
    except (OSError, ValueError) as error:
        raise AdapterError(
            f"There is no {what} {repo_id!r}, neither here nor, as far as can be told, on the Hub."
        ) from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AdapterError(f"{str(path)!r} is not readable JSON.") from error
    if not isinstance(content, dict):
        raise AdapterError(f"{str(path)!r} holds no settings.")
    return content
