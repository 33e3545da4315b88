"""A function that reports by callback, as an iterator."""

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any


class _AbandonedError(Exception):
    """Nobody listens any more."""


def pieces_of(work: Callable[[Callable[[Any], None]], Any], patience: float) -> Iterator[Any]:
    """Run a function in a thread of its own, and yield what it emits, then what it returns.

    Args:
        work: Takes a callback; each value that it calls it with is yielded at once.
        patience: Longest wait for one value, in seconds.

    Yields:
        The emitted values, then the result.

    Raises:
        Exception: Whatever the function raises, where it is raised. When the iterator is closed early, the function
            is stopped at its next emission.
        queue.Empty: If nothing came for as long as `patience`; the function is then stopped likewise.
    """
    pieces: queue.Queue[tuple[str, Any]] = queue.Queue()
    abandoned = threading.Event()

    def emit(piece: Any) -> None:
        if abandoned.is_set():
            raise _AbandonedError
        pieces.put(("piece", piece))

    def run() -> None:
        try:
            pieces.put(("result", work(emit)))
        except BaseException as error:
            pieces.put(("error", error))

    threading.Thread(target=run, daemon=True).start()
    try:
        while True:
            kind, value = pieces.get(timeout=patience)
            if kind == "error":
                raise value
            yield value
            if kind == "result":
                return
    finally:
        abandoned.set()
