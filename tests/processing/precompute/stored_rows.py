"""What lies in a folder of stored faces, read without the store."""

from pathlib import Path

import pyarrow.parquet

from emotion_qwen.processing.precompute.capture_files import read_journal
from emotion_qwen.processing.precompute.media_capturer import CaptureRow


def stored_rows(folder: Path) -> list[CaptureRow]:
    """Every row of a folder's journals and parquet files, sorted; as often as it is stored."""
    rows = [row for path in folder.glob("*.jsonl") for row in read_journal(path)]
    for path in folder.glob("*.parquet"):
        rows += [CaptureRow(**row) for row in pyarrow.parquet.read_table(path).to_pylist()]
    return sorted(rows)
