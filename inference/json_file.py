"""Settings kept in JSON files, with one clear sentence where a file holds none."""

import json
from pathlib import Path
from typing import Any


def read_settings(path: Path, error: type[Exception]) -> dict[str, Any]:
    """Read a JSON object.

    Args:
        path: The file.
        error: What to raise where it can't be read or holds something else, with one sentence that names it.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as reason:
        raise error(f"{str(path)!r} is not readable JSON.") from reason
    if not isinstance(content, dict):
        raise error(f"{str(path)!r} holds no settings.")
    return content
