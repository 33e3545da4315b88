"""The figures that were measured of a checkpoint: a file beside its weights that is valid for these weights alone."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

MEASUREMENTS_FILE = "measurements.json"


def weights_digest(model: nn.Module) -> str:
    """Hash a model's weights with their names, data types and shapes, whatever files they are stored in.

    Args:
        model: A model whose weights are in memory, not on the meta device.

    Returns:
        SHA-256, 64 hex digits.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def write_measurements(folder: str | Path, model: nn.Module, measured: Mapping[str, Any]) -> Path:
    """Writes what was measured of a model into its checkpoint folder, with the digest of its weights.

    Args:
        folder: The checkpoint that the model was loaded from.
        model: The model that was measured.
        measured: JSON-able figures.

    Returns:
        The file.
    """
    path = Path(folder) / MEASUREMENTS_FILE
    content = {**measured, "weights_sha256": weights_digest(model)}
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def read_measurements(model: nn.Module) -> dict[str, Any] | None:
    """Reads the figures of the folder that a model was loaded from.

    Args:
        model: A model of transformers.

    Returns:
        The figures, or None where there are none, or the weights are no longer those that were measured: trained
        further, or cast to another data type.
    """
    path = Path(model.name_or_path) / MEASUREMENTS_FILE
    if not model.name_or_path or not path.is_file():
        return None
    try:
        measured = json.loads(path.read_text(encoding="utf-8"))
        of_weights = measured["weights_sha256"]
    except (ValueError, KeyError, TypeError):  # a file of that name that `write_measurements` did not write
        return None
    return measured if of_weights == weights_digest(model) else None
