"""All that is ever logged: how many requests there were, and how they ended."""

import logging
import threading
from collections import Counter

_logger = logging.getLogger("emotion_qwen_space")


class RequestCounts:
    """Counts by kind and outcome. No name, address, file, question or answer is kept."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(self, outcome: str) -> None:
        """Count one request, and log the totals.

        Args:
            outcome: Such as `"analyze done"`.
        """
        with self._lock:
            self._counts[outcome] += 1
            _logger.info("%s", dict(sorted(self._counts.items())))
