"""Rendered faces and drawn shapes as one source among others."""

import os
from collections.abc import Iterator, Mapping
from typing import Any

from emotion_qwen.train.rendered_conversations import RenderedConversations

from .entries import SampleError
from .source import Outline, Sample
from .source_settings import RENDERED


class RenderedSource:
    """What `synthetic.data_set` wrote, with views, light and questions drawn anew for each sample.

    Args:
        settings: Fields of a `rendered_conversations.DataSource`, and `weight` and `name`.
        seed: Of all draws.
    """

    def __init__(self, settings: Mapping[str, Any], seed: int) -> None:
        drawn = {key: value for key, value in settings.items() if key not in ("reader", "weight", "name")}
        self.name = settings.get("name") or f"{RENDERED} {settings.get('folder')}"
        self.weight = settings.get("weight")
        self.conversations = RenderedConversations([drawn], seed)

    def __len__(self) -> int:
        return len(self.conversations.groups)

    def sample(self, index: int, visit: int) -> Sample:
        """See `Source.sample`. A sample is the same at each visit: more variety comes from more samples."""
        del visit
        try:
            return self.conversations.draw(index)
        except OSError as error:
            raise SampleError(str(error)) from error

    def samples(self, visit: int) -> Iterator[tuple[int, int]]:
        """See `Source.samples`."""
        del visit
        yield from ((index, index) for index in range(len(self)))

    def sample_of(self, drawn: int, index: int, visit: int) -> Sample:
        """See `Source.sample_of`."""
        del drawn
        return self.sample(index, visit)

    def outlines(self) -> Iterator[Outline]:
        """Yield an outline of each record, from which samples are drawn."""
        (source,), (records,) = self.conversations.sources, self.conversations.records
        for record in records:
            path = os.path.join(source.folder, record["media"])
            yield Outline(((record["kind"], path),), record.get("label"))
