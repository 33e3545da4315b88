"""What a part of the training data gives: samples by number, or one after the other."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

Sample = dict[str, Any]
"""`messages`, and where faces were captured before, `face_captures`."""


@dataclass(frozen=True)
class Outline:
    """What is known of a sample before anything of it is decoded.

    Attributes:
        media: Kind and path of each picture and clip; the path is None where it is not a file.
        label: Its label, where it has one of a set.
        fault: Why it is no sample; None if it is one.
    """

    media: tuple[tuple[str, str | None], ...] = ()
    label: str | None = None
    fault: str | None = None


class Source(Protocol):
    """One part of the training data.

    Attributes:
        name: What messages call it.
        weight: Its share of the draws relative to the other sources'; None: each of its samples once in an epoch.
    """

    name: str
    weight: float | None

    @property
    def labels(self) -> tuple[str, ...] | None:
        """The labels that its questions ask to choose from; None where they name none."""
        ...

    @property
    def open_questions(self) -> bool:
        """Whether it has questions about emotion that name no labels."""
        ...

    def __len__(self) -> int:
        """Number of its samples."""
        ...

    def sample(self, index: int, visit: int) -> Sample:
        """Draw a sample; what it is depends on the source's seed and these two numbers alone.

        Raises:
            SampleError: If it is none.
        """
        ...

    def stream(self) -> Iterator[tuple[int, Any]]:
        """Yield numbers and what `sample_of` makes a sample of, for data that is read as it goes."""
        ...

    def sample_of(self, drawn: Any, index: int, visit: int) -> Sample:
        """Make a sample of what `stream` gave."""
        ...

    def outlines(self) -> Iterator[Outline]:
        """Yield what is known of each sample before decoding."""
        ...

    def require_usable(self) -> None:
        """Make sure that questions can be put to its samples.

        Raises:
            ValueError: If they can't.
        """
        ...
