"""A page shows one reading at a time: what was asked for before the visitor's latest wish ends at its next step."""

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any


@dataclass
class Turns:
    """Turns of one page.

    Attributes:
        latest: Number of the last one that was taken.
        reads: Whether something is read in it; if not, the page shows nothing.
    """

    latest: int = 0
    reads: bool = False


def take_turn(turns: Turns, reads: bool = True) -> int:
    """Begin a turn; whatever belongs to an earlier one is stopped at its next step.

    Args:
        turns: Of the page.
        reads: Whether something is read in it.

    Returns:
        The turn's number, from 1.
    """
    turns.latest += 1
    turns.reads = reads
    return turns.latest


def while_it_lasts(turns: Turns, turn: int | None, steps: Generator[Any, None, None]) -> Iterator[Any]:
    """Pass steps on until a later turn begins; they are closed then, and the model stops.

    Args:
        turns: Of the page; started anew together with the server, so that a lower number is no later turn.
        turn: The turn that the steps were asked for in; None on a page where none was taken yet.
        steps: What is done for the request.

    Yields:
        The steps.
    """
    with closing(steps):
        while turns.latest <= (turn or 0):
            try:
                step = next(steps)
            except StopIteration:
                return
            if turns.latest <= (turn or 0):
                yield step
