"""Runs whose results are kept: what was done once is not done again, and several studies share the work."""

import fcntl
import json
import multiprocessing
import os
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Result = dict[str, Any]


class RunError(Exception):
    """A run ended without a result, or its result is not to be had."""


def run_once(path: Path, make: Callable[[], Result]) -> Result | None:
    """Gives the stored result of a run, or makes it in a process of its own and stores it.

    Args:
        path: JSON file of the result.
        make: Makes it; numbers, strings, lists and dicts.

    Returns:
        The result, None while another process is making it.

    Raises:
        RunError: If the run's process ends without one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _claimed(path.with_suffix(".lock")) as mine:
        if path.exists():
            return json.loads(path.read_text(encoding="utf-8"))
        if not mine:
            return None
        result = _in_a_process(make, path.stem)
        write_whole(path, result)
        return result


def keep_settings(folder: Path, settings: dict[str, Any]) -> None:
    """Keeps settings beside the results that were made with them, so that no others are taken for theirs.

    Args:
        folder: Of the results; made if missing.
        settings: What JSON can keep.

    Raises:
        RunError: If the results are of other settings; names what differs.
    """
    path = folder / "settings.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, settings)
    kept, wanted = json.loads(path.read_text(encoding="utf-8")), json.loads(json.dumps(settings))
    changed = [name for name in sorted(kept | wanted) if kept.get(name) != wanted.get(name)]
    if changed:
        raise RunError(f"'{folder}' has results of other settings ({', '.join(changed)}): choose another `output`.")


def write_whole(path: Path, value: Any) -> None:
    """Writes JSON so that nobody finds half a file."""
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    unfinished.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    unfinished.rename(path)


@contextmanager
def cost() -> Iterator[Result]:
    """Measures what is done inside: processor seconds, which other processes don't lengthen, and memory.

    Yields:
        A dict that in the end has "seconds" and "bytes": how far the highest resident memory of the process rose.
        Both are clear only in a process that did nothing large before.
    """
    measured: Result = {}
    start, before = time.process_time(), _highest_memory()
    yield measured
    measured |= {"seconds": time.process_time() - start, "bytes": _highest_memory() - before}


def _highest_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux counts in KiB


@contextmanager
def _claimed(path: Path) -> Iterator[bool]:
    """Whether this process is the one that holds the file; the system lets go of it for one that dies."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _in_a_process(make: Callable[[], Result], name: str) -> Result:
    """Runs a function in a fork, which has everything imported and gives all its memory back."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=lambda: sender.send(make()), name=name)
    process.start()
    sender.close()
    try:
        result = receiver.recv()
    except EOFError:
        result = None
    process.join()
    if result is None:
        raise RunError(f"The run {name!r} ended without a result (exit code {process.exitcode}).")
    return result
