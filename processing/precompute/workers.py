"""Worker processes that capture one picture or clip at a time, and survive each other's crashes."""

import contextlib
import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Literal, TypeVar

import torch

from ..first_line import first_line
from ..media_kind import MediaKind
from .capture_files import Journal, pack_journals
from .content_hash import content_hash
from .media_capturer import CaptureRow, MediaCapturer, file_content
from .media_sources import MediaItem

Result = Literal["stored", "known", "broken"]
Value = TypeVar("Value")


@dataclass(frozen=True)
class Task:
    """What a worker does, the same for all workers of a run.

    Attributes:
        capturer: Captures a picture or clip.
        folders: Where rows of each kind of media go.
        owner: Beginning of the names of the files written.
        rows_per_file: A journal becomes a parquet file once it has this many rows.
        threads: Threads of torch in each worker.
    """

    capturer: MediaCapturer
    folders: Mapping[MediaKind, Path]
    owner: str
    rows_per_file: int
    threads: int


@dataclass(frozen=True)
class Outcome:
    """What became of an item.

    Attributes:
        name: The item's name.
        result: "stored" now, "known" (the same content is stored, or being captured), or "broken".
        reason: Why it is broken, in one line; empty otherwise.
    """

    name: str
    result: Result
    reason: str = ""


class Worker:
    """One process and its current item. It is given one item at a time, so that a crash has one cause."""

    def __init__(self, task: Task) -> None:
        # Forked from a server without threads: torch is imported once, and no lock is inherited in a locked state.
        methods = multiprocessing.get_all_start_methods()
        context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
        if "forkserver" in methods:
            context.set_forkserver_preload([__name__])
        self.connection, theirs = context.Pipe()
        self.item: MediaItem | None = None
        self.content: str | None = None
        self.is_ready = False
        self.process: BaseProcess = context.Process(target=_work, args=(theirs, task), daemon=True)
        self.process.start()
        theirs.close()

    @property
    def is_idle(self) -> bool:
        """Whether it waits for an item."""
        return self.is_ready and self.item is None

    def give(self, item: MediaItem) -> None:
        """Send the next item.

        Raises:
            Exception: What loading the item raises.
        """
        media = item.load()
        self.item, self.content = item, None
        with contextlib.suppress(OSError):  # a dead worker is noticed when it is read from
            self.connection.send(media)

    def finish(self, result: Result, reason: str, known: set[str]) -> "Outcome":
        """Note that the worker is done with its item; the content of a broken one is not known after all."""
        if result == "broken":
            known.discard(self.content)
        name, self.item = self.item.name, None
        return Outcome(name, result, reason)


def capture_items(items: Iterable[MediaItem], task: Task, known: set[str], workers: int) -> Iterator[Outcome]:
    """Capture items with worker processes.

    When this generator is closed (or its process killed), workers finish and store their current item.

    Args:
        items: What to capture.
        task: How.
        known: SHA-256 of the contents that are stored; those of items that are begun are added.
        workers: Number of processes.

    Yields:
        An outcome per item, in no particular order.

    Raises:
        RuntimeError: If a worker dies before its first item.
    """
    waiting = iter(items)
    team = [Worker(task) for _ in range(workers)]
    try:
        while team:
            ready = set(wait([worker.connection for worker in team]))
            for place, worker in enumerate(team):
                if worker.connection not in ready:
                    continue
                try:
                    outcome = _listen(worker, known)
                except (EOFError, OSError):
                    outcome = _outcome_of_dead(worker, known)
                    team[place] = worker = Worker(task)
                if outcome is not None:
                    yield outcome
                if worker.is_idle:
                    yield from _give_next(worker, waiting)
            _dismiss([worker for worker in team if worker.is_idle])
            team = [worker for worker in team if not worker.is_idle]
    finally:
        _dismiss(team)


def _dismiss(team: list[Worker]) -> None:
    """Let workers finish and store their current item, and wait for them to end."""
    for worker in team:
        worker.connection.close()
    for worker in team:
        worker.process.join()


def _give_next(worker: Worker, waiting: Iterator[MediaItem]) -> Iterator[Outcome]:
    """Give a worker the next item that can be loaded; yield the outcomes of those that can't."""
    for item in waiting:
        try:
            worker.give(item)
        except Exception as error:  # whatever a data set's row raises
            yield Outcome(item.name, "broken", one_line(error))
        else:
            return


def _listen(worker: Worker, known: set[str]) -> Outcome | None:
    """Read one message of a worker; tell it whether a content is still to be captured."""
    subject, value = worker.connection.recv()
    if subject == "ready":
        worker.is_ready = True
        return None
    if subject == "unstored":
        raise OSError(f"Faces can't be stored: {value}")
    if subject == "content":
        if value not in known:
            known.add(value)
            worker.content = value
            worker.connection.send(True)
            return None
        worker.connection.send(False)
        subject, value = "known", ""
    return worker.finish(subject, value, known)


def _outcome_of_dead(worker: Worker, known: set[str]) -> Outcome | None:
    """Return the outcome of the item that a dead worker was given, if any."""
    worker.process.join()
    code = worker.process.exitcode
    if not worker.is_ready:
        raise RuntimeError(f"A worker process ended before its first item, with exit code {code}.")
    if worker.item is None:
        return None
    cause = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    return worker.finish("broken", f"its worker process died ({cause})", known)


def _work(connection: Connection, task: Task) -> None:
    """Run a worker process until its connection is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent: a begun item is finished and stored
    torch.set_num_threads(task.threads)
    journals: dict[MediaKind, Journal] = {}
    with contextlib.suppress(EOFError, OSError):
        connection.send(("ready", ""))
        while True:
            media = connection.recv()
            content, fault = _attempt(lambda media=media: content_hash(file_content(media)))
            if content is not None:
                connection.send(("content", content))
                if not connection.recv():
                    continue
                row, fault = _attempt(lambda media=media: task.capturer(media))
                _, unstored = (None, "") if row is None else _attempt(lambda row=row: _store(row, task, journals))
                if unstored:
                    connection.send(("unstored", unstored))
                    return
            connection.send(("broken", fault) if fault else ("stored", ""))


def _store(row: CaptureRow, task: Task, journals: dict[MediaKind, Journal]) -> None:
    journal = journals.get(row.kind)
    if journal is None:
        journal = journals[row.kind] = Journal(task.folders[row.kind], task.owner)
    journal.append(row)
    if journal.count >= task.rows_per_file:
        journal.close()
        pack_journals([journals.pop(row.kind).path])


def _attempt(action: Callable[[], Value]) -> tuple[Value | None, str]:
    """Return what an action returns, or None and the reason: one clip in a million must not end the run."""
    try:
        return action(), ""
    except Exception as error:
        return None, one_line(error)


def one_line(error: Exception) -> str:
    """Return the first line of an error, with its type unless its messages are written for people."""
    reason = first_line(error)
    return reason if isinstance(error, ValueError | OSError) else f"{type(error).__name__}: {reason}"
