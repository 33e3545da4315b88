"""An adapter for `datasets.map` and Ray Data: a column of pictures or clips becomes a column of stored faces."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..video_decoding import MediaError
from .media_capturer import MediaCapturer


class CaptureColumn:
    """Adds the columns `face_capture` (JSON of a `FaceCapture`, or None) and `face_error` (a sentence, or None).

    A batch is a mapping of columns (lists or arrays), as both libraries pass it:

        dataset.map(CaptureColumn(capturer, "video"), batched=True, num_proc=8)  # the column cast to `decode=False`
        ray_dataset.map_batches(CaptureColumn(capturer, "video"), batch_format="numpy")

    `FaceCapture.from_dict(json.loads(value))`, or the dict itself, is what the processor takes as `face_captures`.

    Args:
        capturer: Captures each entry.
        column: Name of the column with paths, bytes or `{"bytes", "path"}` records.
    """

    def __init__(self, capturer: MediaCapturer, column: str) -> None:
        self.capturer = capturer
        self.column = column

    def __call__(self, batch: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
        """Return the batch with two more columns; an entry that can't be read stops nothing."""
        results = [self._capture(media) for media in batch[self.column]]
        return {
            **batch,
            "face_capture": [capture for capture, _ in results],
            "face_error": [error for _, error in results],
        }

    def _capture(self, media: Any) -> tuple[str | None, str | None]:
        try:
            return self.capturer(media).capture, None
        except (MediaError, ValueError, OSError) as error:
            return None, str(error)
