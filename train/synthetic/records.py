"""The records of a data set: what is true of each of its media, one JSON object a line."""

import json
from pathlib import Path
from typing import Any

Record = dict[str, Any]

RECORDS = "records.jsonl"
HELD_OUT_FROM = 1_000_000
"""Numbers of people and drawings from here on are held out, those below are for training: the two can never meet."""
SPLITS = TRAIN, HELD_OUT = "train", "held_out"


def split_of(number: int) -> str:
    """The split of a person or a drawing, one of `SPLITS`, by its number."""
    return HELD_OUT if number >= HELD_OUT_FROM else TRAIN


def write_records(folder: Path, records: list[Record]) -> None:
    """Writes the records of a data set folder."""
    with (folder / RECORDS).open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def read_records(folder: Path) -> list[Record]:
    """Reads the records of a data set folder.

    Raises:
        FileNotFoundError: If none was written there.
    """
    if not (folder / RECORDS).is_file():
        writer = "`python -m emotion_qwen.train.synthetic.data_set --output`"
        raise FileNotFoundError(f"There is no rendered data set at '{folder}': {writer} writes one.")
    with (folder / RECORDS).open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]
