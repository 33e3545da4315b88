"""Publishing adapters: as a clean folder with a card, merged into a checkpoint, or sent to the Hub."""

import re
import tempfile
from dataclasses import replace
from importlib import resources
from pathlib import Path
from string import Template

import huggingface_hub

from emotion_qwen.processing.first_line import first_line
from emotion_qwen.whole_folder import appearing_whole, free_folder

from .adapter_files import AdapterInfo, read_adapter
from .adapter_loading import merge_adapter
from .adapter_purpose import AdapterPurpose
from .carried_adapters import write_adapter
from .checkpoint import load_checkpoint
from .errors import AdapterError, OutputError

_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")


def export_adapter(
    adapter: str | Path, output: str | Path, base_model: str | None = None, purpose: AdapterPurpose | None = None
) -> Path:
    """Write an adapter as a folder for others: weights and config in PEFT's format, its purpose, a card.

    Other files that a training run left beside the adapter are not copied.

    Args:
        adapter: Local folder or Hub id.
        output: The folder to write, whose name is the adapter's; it must not exist, or be empty.
        base_model: The id by which others load the base model; by default the one in the adapter's config.
        purpose: The questions that it answers; by default those that its purpose file or its name states.

    Returns:
        The absolute path of the folder.

    Raises:
        AdapterError: If the adapter can't be read.
        FileExistsError: If there is something at `output`.
    """
    target = free_folder(output)
    with appearing_whole(target) as folder:
        _write(read_adapter(adapter), folder, target.name, base_model, purpose)
    return target


def push_adapter(
    adapter: str | Path,
    repo_id: str,
    base_model: str | None = None,
    purpose: AdapterPurpose | None = None,
    private: bool = False,
) -> str:
    """Send an adapter to the Hub, as `export_adapter` writes it.

    Args:
        adapter: Local folder.
        repo_id: `owner/name`; the repository is created where there is none.
        base_model: The base model's repository on the Hub; by default the one in the adapter's config.
        purpose: As in `export_adapter`.
        private: Whether a new repository is private.

    Returns:
        The address of the repository.

    Raises:
        AdapterError: If the adapter can't be read, or its base model is only a folder on this machine.
        OutputError: If the Hub refuses or can't be reached.
    """
    info = read_adapter(adapter)
    base = base_model if base_model is not None else info.base_model
    if base is None or not _REPOSITORY.fullmatch(base) or Path(base).exists():
        raise AdapterError(
            f"Adapter {str(adapter)!r} was trained on {base!r}, which others lack: name the published base model."
        )
    api = huggingface_hub.HfApi()
    with tempfile.TemporaryDirectory() as folder:
        _write(info, Path(folder), repo_id.rpartition("/")[2], base, purpose)
        try:
            address = api.create_repo(repo_id, private=private, exist_ok=True)
            api.upload_folder(repo_id=repo_id, folder_path=folder, commit_message=f"Upload the adapter {info.name}")
        except Exception as error:  # besides its own errors, those of whichever HTTP library the client has
            raise OutputError(f"The Hub did not take {repo_id!r}: {_reason(error)}") from error
    return str(address)


def merge_into_checkpoint(model: str | Path, adapter: str | Path, output: str | Path) -> Path:
    """Write a checkpoint whose weights have an adapter added for good.

    Args:
        model: Local folder or Hub id of the checkpoint.
        adapter: Local folder or Hub id of the adapter.
        output: The folder to write; it must not exist, or be empty.

    Returns:
        The absolute path of the folder.

    Raises:
        CheckpointError: If the checkpoint can't be used.
        AdapterError: If the adapter can't be used.
        FileExistsError: If there is something at `output`.
    """
    target = free_folder(output)
    merged, processor = load_checkpoint(model, device="cpu", dtype="auto")
    merged = merge_adapter(merged, adapter)
    with appearing_whole(target) as folder:
        merged.save_pretrained(folder, save_original_format=False)
        processor.save_pretrained(folder)
    return target


def _reason(error: Exception) -> str:
    """The first line of the client's error, and the Hub's own message if it sent one."""
    first = first_line(error)
    said = getattr(error, "server_message", None)
    return f"{first} {said}" if said and said not in first else first


def _write(info: AdapterInfo, folder: Path, name: str, base_model: str | None, purpose: AdapterPurpose | None) -> None:
    info = replace(
        info,
        name=name,
        base_model=base_model if base_model is not None else info.base_model,
        purpose=purpose if purpose is not None else info.purpose,
    )
    write_adapter(info, folder)
    (folder / "README.md").write_text(_card(info), encoding="utf-8")


def _card(info: AdapterInfo) -> str:
    template = Template((resources.files("emotion_qwen") / "adapter_card.md").read_text(encoding="utf-8"))
    return template.substitute(
        name=info.name,
        base_model=info.base_model or "emotion-qwen",
        rank=info.rank,
        alpha=info.alpha,
        parameters=f"{info.parameters:,}",
        answers=info.purpose.describe(),
    )
