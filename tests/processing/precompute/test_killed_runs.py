"""A run that is killed, and killed again, ends as if nothing had happened, and repeats only what was in flight."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from itertools import chain
from pathlib import Path

import pytest

from emotion_qwen.processing import EmotionQwenImageProcessor, EmotionQwenVideoProcessor
from emotion_qwen.processing.precompute import MediaCapturer, list_media, precompute_faces
from emotion_qwen.processing.precompute.media_capturer import CaptureRow

from .small_clips import write_clips
from .stored_rows import stored_rows

SCRIPT = Path(__file__).with_name("logged_run.py")
WORKERS = 2


def start(clips: Path, output: Path, log: Path) -> subprocess.Popen:
    command = [sys.executable, str(SCRIPT), str(clips), str(output), str(log)]
    return subprocess.Popen(command, start_new_session=True, env={**os.environ, "OMP_NUM_THREADS": "1"})


def lines(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


def kill(run: subprocess.Popen, log: Path, after: int, whole_group: bool, rng: random.Random) -> bool:
    """Kills a run some time after it has begun so many clips; False if it was done before."""
    while len(lines(log)) < after:
        if run.poll() is not None:
            return False
        time.sleep(0.005)
    time.sleep(rng.uniform(0, 0.2))
    (os.killpg if whole_group else os.kill)(run.pid, signal.SIGKILL)
    return run.wait() != 0


def rows_of(output: Path) -> set[CaptureRow]:
    """The rows of a run; one that was being moved from a journal when the run was killed may be stored twice."""
    return set(chain.from_iterable(stored_rows(folder) for folder in output.iterdir() if folder.is_dir()))


def begun_last(log: Path) -> set[str]:
    """What each process of a run began last: it may not have finished that."""
    return set(dict(line.split(" ", 1) for line in lines(log)).values())


@pytest.mark.parametrize(
    ("num_clips", "kills"), [(6, 1), pytest.param(200, 20, marks=[pytest.mark.slow, pytest.mark.timeout(3000)])]
)
def test_killed_at_random_moments(tmp_path, num_clips, kills):
    rng = random.Random(0)
    clips, output = tmp_path / "clips", tmp_path / "killed"
    paths = write_clips(clips, num_clips)
    logs, num_killed = [], 0
    for number in range(kills):
        logs.append(tmp_path / f"{number}.log")
        run = start(clips, output, logs[-1])
        # Workers may outlive their parent for a clip, or die with it.
        num_killed += kill(run, logs[-1], rng.randint(0, min(18, num_clips // 2)), number % 2 == 0, rng)
    assert num_killed >= max(1, kills - 1)
    logs.append(tmp_path / "last.log")
    assert start(clips, output, logs[-1]).wait() == 0

    undisturbed = tmp_path / "undisturbed"
    capturer = MediaCapturer(EmotionQwenImageProcessor(), EmotionQwenVideoProcessor())
    assert precompute_faces(list_media(clips), undisturbed, capturer, workers=WORKERS).stored == num_clips
    assert rows_of(output) == rows_of(undisturbed)
    assert len(rows_of(output)) == num_clips
    assert not list(output.rglob("*.jsonl")) and not list(output.rglob("*.partial"))

    assert capturer(paths[0]) in rows_of(output)

    begun = Counter(line.split(" ", 1)[1] for log in logs for line in lines(log))
    assert len(begun) == num_clips
    again = sum(begun.values()) - num_clips
    print(f"{num_killed} runs killed, {again} clips begun again, at most {WORKERS * num_killed} in flight")
    assert again <= WORKERS * num_killed
    for log, later in zip(logs, range(1, len(logs) + 1), strict=True):
        finished = {line.split(" ", 1)[1] for line in lines(log)} - begun_last(log)
        begun_later = {line.split(" ", 1)[1] for other in logs[later:] for line in lines(other)}
        assert not finished & begun_later
