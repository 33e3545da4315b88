"""A run of its own process that logs what it begins to capture: `python logged_run.py CLIPS OUTPUT LOG`."""

import os
import sys
from pathlib import Path

from emotion_qwen.processing import EmotionQwenImageProcessor, EmotionQwenVideoProcessor
from emotion_qwen.processing.precompute import MediaCapturer, list_media, precompute_faces


class LoggedCapturer(MediaCapturer):
    """Appends a line with its process and the clip before each capture."""

    def __init__(self, log: Path) -> None:
        super().__init__(EmotionQwenImageProcessor(), EmotionQwenVideoProcessor())
        self.log = log

    def __call__(self, media, source=None):
        line = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(line, f"{os.getpid()} {media}\n".encode())
        os.close(line)
        return super().__call__(media, source)


if __name__ == "__main__":
    clips, output, log = map(Path, sys.argv[1:])
    summary = precompute_faces(list_media(clips), output, LoggedCapturer(log), workers=2, rows_per_file=8)
    assert not summary.broken, summary.broken
