"""Messages about stages that take longer than a moment."""

import threading
from types import TracebackType
from typing import TextIO


class Progress:
    """Reports a stage once it has taken a while; on a terminal, also for how long it has been running.

    Args:
        stream: Where to write, such as `sys.stderr`.
        patience: Seconds after which a stage is reported.
    """

    def __init__(self, stream: TextIO, patience: float = 1.0) -> None:
        self.stream, self.patience = stream, patience
        self._stop: threading.Event | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.finish()

    def start(self, message: str) -> None:
        """Begin a stage, which ends the one before.

        Args:
            message: What is going on, such as `"Loading the model"`.
        """
        self.finish()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, args=(message, self._stop), daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """End the current stage, if any."""
        if self._thread is None:
            return
        self._stop.set()
        self._thread.join()
        self._thread = None

    def _watch(self, message: str, stop: threading.Event) -> None:
        if stop.wait(self.patience):
            return
        if not self.stream.isatty():
            print(f"{message} ...", file=self.stream, flush=True)
            return
        seconds = self.patience
        while True:
            print(f"\r{message} ... {seconds:.0f} s", end="", file=self.stream, flush=True)
            if stop.wait(1.0):
                break
            seconds += 1.0
        print("\r\033[K", end="", file=self.stream, flush=True)
