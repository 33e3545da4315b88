"""Uploads are deleted on a clock, whatever became of the request that brought them.

Gradio's own `delete_cache` deletes the files that it knows of: not an upload that was broken off, not the folder named
after a file's content that an upload lay in, and nothing of a process that was killed.
"""

import threading
import time
from pathlib import Path


def keep_deleting(folder: Path, age: float, every: float) -> None:
    """Delete old files of a folder from now on, in a thread of its own.

    Args:
        folder: Where uploads land, and nothing else.
        age: Seconds after which a file is old.
        every: Seconds between two looks.
    """

    def run() -> None:
        while True:
            delete_older(folder, time.time() - age)
            time.sleep(every)

    threading.Thread(target=run, daemon=True).start()


def delete_older(folder: Path, moment: float) -> None:
    """Delete what was put into a folder before a moment, then the folders in it that are empty since before it.

    Args:
        folder: The folder; it stays.
        moment: Seconds since the epoch.
    """
    for path in sorted(folder.rglob("*"), reverse=True):  # what lies in a folder comes before the folder
        try:
            if path.lstat().st_ctime >= moment:
                continue
            if path.is_dir():
                path.rmdir()
            else:
                path.unlink()
        except OSError:  # deleted by someone else, or a folder that is not empty
            continue
