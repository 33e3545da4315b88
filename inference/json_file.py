"""Settings in JSON files, with one clear sentence if a file holds none."""

import json
from pathlib import Path
from typing import Any


def read_settings(path: Path, error: type[Exception]) -> dict[str, Any]:
    """Read a JSON object.

    Args:
        path: The file.
        error: The exception to raise, with a sentence that names the file, if it can't be read or is no object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as reason:
        raise error(f"{str(path)!r} is not readable JSON.") from reason
    if not isinstance(content, dict):
        raise error(f"{str(path)!r} holds no settings.")
    return content
