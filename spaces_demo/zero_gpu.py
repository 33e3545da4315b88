"""ZeroGPU: an accelerator lent for the length of a call, where the Space runs on it."""

from collections.abc import Callable
from typing import Any


def on_gpu(duration: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a function whose calls want the accelerator; nothing changes where there is no ZeroGPU.

    Args:
        duration: Longest time in seconds that a call may hold it.
    """
    try:
        import spaces
    except ImportError:
        return lambda function: function
    return spaces.GPU(duration=duration)
