"""Runs over whole data sets: what is stored is skipped, what is broken is named, and a killed run can be resumed."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from .capture_files import JOURNAL, PARTIAL, import_parquet, known_contents, pack_journals, write_whole
from .capture_recipe import CaptureRecipe
from .media_capturer import MediaCapturer
from .media_sources import MediaItem, take_shard
from .store import RECIPE_FILE
from .workers import Outcome, Task, capture_items


@dataclass(frozen=True)
class Summary:
    """What became of the items of a run.

    Attributes:
        stored: Number of pictures and clips captured in this run.
        known: Number of those that were stored before, or whose content is that of another item.
        broken: Those that can't be read, each with the reason.
    """

    stored: int
    known: int
    broken: tuple[Outcome, ...]


def precompute_faces(
    items: Sequence[MediaItem],
    folder: Path,
    capturer: MediaCapturer,
    *,
    workers: int = 1,
    threads: int = 1,
    shard: tuple[int, int] = (0, 1),
    rows_per_file: int = 512,
    on_outcome: Callable[[Outcome], None] = lambda outcome: None,
) -> Summary:
    """Capture the faces of pictures and clips with worker processes, and store them.

    A row is safe once its item's outcome is reported. A run that is killed at any moment and started again, also with
    other shards or workers, captures only what is not stored and what was in flight. Each shard may run on a machine
    of its own, with one folder for all. Results of different settings lie side by side.

    Args:
        items: All pictures and clips.
        folder: Folder of the results; created if it does not exist.
        capturer: Captures one item.
        workers: Number of processes.
        threads: Threads of torch in each.
        shard: (i, n): of n parts of the items the i-th, from 0 on.
        rows_per_file: Rows of a parquet file; a worker's last ones, and those of killed runs, make smaller files.
        on_outcome: Called with the outcome of each item.

    Returns:
        The counts, and what is broken.

    Raises:
        ValueError: If there is no such shard.
        RuntimeError: If another process is storing this shard, or the workers can't start.
        ImportError: If pyarrow or the backend's packages are not installed.
        OSError: If the folder can't be written.
    """
    items = take_shard(items, *shard)
    import_parquet()
    capturer.check()
    recipes = capturer.recipes()
    folders = {kind: folder / recipe.name for kind, recipe in recipes.items()}
    owner = "shard-{:05d}-of-{:05d}".format(*shard)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / f".{owner}.lock", timeout=0):
            for kind, recipe in recipes.items():
                _prepare(folders[kind], recipe)
                _recover(folders[kind], owner)
            known = set().union(*map(known_contents, folders.values()))
            task = Task(capturer, folders, owner, rows_per_file, threads)
            summary = _run(items, task, known, min(workers, max(1, len(items))), on_outcome)
            for own in folders.values():
                _recover(own, owner)
    except Timeout as error:
        raise RuntimeError(f"Another process is storing shard {shard[0]}/{shard[1]} in '{folder}'.") from error
    return summary


def _run(
    items: Sequence[MediaItem], task: Task, known: set[str], workers: int, on_outcome: Callable[[Outcome], None]
) -> Summary:
    counts: Counter[str] = Counter()
    broken = []
    for outcome in capture_items(items, task, known, workers):
        counts[outcome.result] += 1
        if outcome.result == "broken":
            broken.append(outcome)
        on_outcome(outcome)
    return Summary(counts["stored"], counts["known"], tuple(broken))


def _prepare(folder: Path, recipe: CaptureRecipe) -> None:
    folder.mkdir(exist_ok=True)
    if not (folder / RECIPE_FILE).exists():
        write_whole(folder / RECIPE_FILE, recipe.write)


def _recover(folder: Path, owner: str) -> None:
    """Tidy up after workers that have ended: their journals become one parquet file."""
    for partial in folder.glob(f"{owner}-*{PARTIAL}"):
        partial.unlink()
    journals = list(folder.glob(f"{owner}-*{JOURNAL}"))
    if journals:
        pack_journals(journals)
