"""The settings of a run, kept with what it writes: a run goes on with the settings that it was started with."""

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

SETTINGS_FILE = "emotion_qwen_run.json"
"""Beside the weights, in each checkpoint and with the finished model."""

PROCESSES = "processes"
"""The name of the number of processes among the settings; each wrote a part of a checkpoint."""

_FREE = frozenset(
    (
        "output_dir", "overwrite_output_dir", "resume_from_checkpoint", "run_name", "project",
        "disable_tqdm", "debug", "do_train", "do_eval", "do_predict", "local_rank", "max_broken_share",
        "gradient_checkpointing", "gradient_checkpointing_kwargs", "ddp_timeout", "use_cache", "skip_memory_metrics",
        "dataloader_num_workers", "dataloader_prefetch_factor", "dataloader_persistent_workers",
        "dataloader_pin_memory", "load_best_model_at_end", "metric_for_best_model", "greater_is_better",
        "per_device_eval_batch_size", "batch_eval_metrics", "jit_mode_eval", "restore_callback_states_from_checkpoint",
        "bf16_full_eval", "fp16_full_eval", "prediction_loss_only", "torch_empty_cache_steps", "enable_jit_checkpoint",
    )
)  # fmt: skip
"""Settings that may change in the middle of a run: what is trained, and on what, stays as it was."""
_FREE_KINDS = ("eval_", "hub_", "include_", "log_", "logging_", "push_to_hub", "report_", "save_", "trackio_")
_LONGEST_SHOWN = 40
"""Characters of a value that a sentence can bear."""


def lasting_settings(*settings: Any, **facts: Any) -> dict[str, Any]:
    """The settings that decide which weights a run ends with.

    Args:
        *settings: Dataclasses.
        **facts: What else decides it.

    Returns:
        Values by name, as JSON gives them back.
    """
    named = {item.name: getattr(group, item.name) for group in settings for item in fields(group)}
    streaming = {"dataloader_num_workers"} if named.get("streaming") else set()  # each worker reads its own part
    lasting = {
        name: value
        for name, value in named.items()
        if name in streaming or (name not in _FREE and not name.startswith(_FREE_KINDS) and not name.startswith("_"))
    }
    return json.loads(json.dumps({**lasting, **facts}, default=str))


def save_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    """Writes them into a folder.

    Args:
        folder: A checkpoint's or a model's; made if missing.
        settings: As `lasting_settings` gives them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(settings, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    (folder / SETTINGS_FILE).write_text(text, encoding="utf-8")


def read_settings(folder: Path) -> dict[str, Any]:
    """Reads them; empty where there are none, as in checkpoints of other trainers.

    Raises:
        ValueError: If the file is damaged.
    """
    path = folder / SETTINGS_FILE
    if not path.is_file():
        return {}
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"'{path}' is damaged; remove the checkpoint that it is in.") from error


def require_same_settings(checkpoint: Path, settings: Mapping[str, Any]) -> None:
    """Refuses to go on from a checkpoint of a run with other settings.

    Args:
        checkpoint: Its folder.
        settings: Those of this run. What only one of the two knows does not count: libraries get new settings.

    Raises:
        ValueError: If settings differ; names them.
    """
    before = read_settings(checkpoint)
    changed = [name for name in sorted(before.keys() & settings.keys()) if before[name] != settings[name]]
    if changed:
        listed = ", ".join(_change(name, before[name], settings[name]) for name in changed)
        raise ValueError(
            f"'{checkpoint}' is of a run with other settings: {listed}. Set them back to go on, choose another "
            "output_dir, or start anew with overwrite_output_dir=true."
        )


def _change(name: str, before: Any, now: Any) -> str:
    shown = json.dumps(before, ensure_ascii=False), json.dumps(now, ensure_ascii=False)
    return f"{name} ({shown[0]}, now {shown[1]})" if max(map(len, shown)) <= _LONGEST_SHOWN else name
