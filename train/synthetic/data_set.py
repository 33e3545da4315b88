"""Writes a synthetic data set: a folder with `records.jsonl` and the media that it names.

`python -m emotion_qwen.train.synthetic.data_set --output DIR --identities 400 --held-out-identities 40 --seed 0`
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from emotion_qwen.inference.prompts import EMOTION_LABELS
from emotion_qwen.train.synthetic.clip_lengths import CLIP_FPS, even_length, require_even_length
from emotion_qwen.train.synthetic.clips import sample_clip
from emotion_qwen.train.synthetic.drawings import write_moving, write_shapes, write_word
from emotion_qwen.train.synthetic.head_assets import HeadAssetsError
from emotion_qwen.train.synthetic.head_identity import sample_person
from emotion_qwen.train.synthetic.head_model import HeadModel, build_head
from emotion_qwen.train.synthetic.performance import LEAST_FRAMES
from emotion_qwen.train.synthetic.person_records import clip_record, still_record
from emotion_qwen.train.synthetic.records import HELD_OUT_FROM, RECORDS, Record, split_of, write_records
from emotion_qwen.train.synthetic.stills import sample_still
from emotion_qwen.train.synthetic.video_writing import write_mp4

_DETAILED_FROM = 260
"""Side of a picture (pixels) from which on textures are painted at twice the detail."""
_DRAWING_SEEDS = {"shapes": 0x5A, "words": 0x30, "moving": 0x90}
"""What keeps the draws of one kind of drawing apart from those of another."""


@dataclass(frozen=True)
class DataSetPlan:
    """What to write.

    Attributes:
        identities: People for training.
        held_out_identities: People for testing.
        first_identity: Number of the first person of either split, within its range.
        stills_per_label: Pictures of each emotion of each person.
        clips_per_identity: Clips of each person, one expression each, emotions in turn.
        shapes: Drawn pictures of shapes for training; a tenth as many more are held out.
        words: Drawn pictures of words, likewise.
        moving: Drawn clips of moving shapes, likewise.
        size: Side of the pictures, pixels; even.
        clip_frames: Least and greatest number of frames of a clip; even numbers between them are drawn.
        clip_fps: Frames a second of a clip.
        face_height: Least and greatest height of a face over that of its picture.
        seed: Everything is drawn from it (but what people look like, which is their number's).
    """

    identities: int = 400
    held_out_identities: int = 40
    first_identity: int = 0
    stills_per_label: int = 4
    clips_per_identity: int = 0
    shapes: int = 0
    words: int = 0
    moving: int = 0
    size: int = 128
    clip_frames: tuple[int, int] = (12, 12)
    clip_fps: float = CLIP_FPS
    face_height: tuple[float, float] = (0.25, 0.95)
    seed: int = 0

    def __post_init__(self) -> None:
        if self.first_identity + max(self.identities, self.held_out_identities) > HELD_OUT_FROM:
            raise ValueError(f"Identities are numbered below {HELD_OUT_FROM}")
        if self.size % 2:
            raise ValueError(f"The size must be even for clips, not {self.size}")
        least, most = self.clip_frames
        if not LEAST_FRAMES <= least <= most:
            raise ValueError(f"Clips have at least {LEAST_FRAMES} frames, and most no fewer than least")
        require_even_length(least, most)


def write_data_set(folder: Path, plan: DataSetPlan, workers: int = 1) -> list[Record]:
    """Writes the media and the records; the same plan writes the same bytes with any number of workers.

    Args:
        folder: Made if missing.
        plan: What to write.
        workers: Processes.

    Returns:
        The records, in the order of the file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "media").mkdir(exist_ok=True)
    people = [plan.first_identity + number for number in range(plan.identities)]
    people += [HELD_OUT_FROM + plan.first_identity + number for number in range(plan.held_out_identities)]
    records: list[Record] = []
    for made in made_in_order(partial(_write_person, folder, plan), people, workers):
        records.extend(made)
    for task, count in (("shapes", plan.shapes), ("words", plan.words), ("moving", plan.moving)):
        numbers = list(range(count)) + [HELD_OUT_FROM + number for number in range(count // 10)]
        for made in made_in_order(partial(_write_drawing, folder, plan, task), numbers, workers):
            records.extend(made)
    write_records(folder, records)
    return records


def made_in_order(make: Callable[[int], list[Record]], numbers: list[int], workers: int) -> Iterator[list[Record]]:
    """Yields what is made for each number, in their order.

    Args:
        make: Makes the records of one number.
        numbers: In order.
        workers: Processes that share them.
    """
    if workers <= 1:
        yield from map(make, numbers)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(make, numbers, chunksize=4)


def _write_person(folder: Path, plan: DataSetPlan, identity: int) -> list[Record]:
    """Writes all pictures and clips of one person."""
    rng = np.random.default_rng([plan.seed, identity])
    head = build_head(sample_person(identity), detail=2 if plan.size >= _DETAILED_FROM else 1)
    records = []
    for label in EMOTION_LABELS:
        for number in range(plan.stills_per_label):
            still = sample_still(rng, head, label, plan.size, plan.face_height)
            name = f"{identity:07d}-{label}-{number}"
            media = f"media/{name}.jpg"
            still.picture.save(folder / media, quality=still.jpeg_quality)
            records.append(still_record(name, media, still, head.person))
    for number in range(plan.clips_per_identity):
        label = EMOTION_LABELS[(identity + number) % len(EMOTION_LABELS)]
        records.append(_write_clip(folder, plan, head, rng, label, f"{identity:07d}-clip-{number}-{label}"))
    return records


def _write_clip(
    folder: Path, plan: DataSetPlan, head: HeadModel, rng: np.random.Generator, label: str, name: str
) -> Record:
    frames = even_length(rng, *plan.clip_frames)
    length = int(rng.integers(max(LEAST_FRAMES, frames // 3), frames + 1))
    clip = sample_clip(
        rng, head, [label], frames, plan.clip_fps, (plan.size, plan.size), plan.face_height, length=length
    )
    media = f"media/{name}.mp4"
    write_mp4(folder / media, clip.frames, clip.fps)
    return clip_record(name, media, clip, head.person)


def _write_drawing(folder: Path, plan: DataSetPlan, task: str, number: int) -> list[Record]:
    """Writes one drawn picture or clip."""
    rng = np.random.default_rng([plan.seed, number, _DRAWING_SEEDS[task]])
    name = f"{number:07d}-{task}"
    if task == "moving":
        frames = even_length(rng, *plan.clip_frames)
        record = write_moving(folder, name, rng, plan.size, frames, plan.clip_fps)
    else:
        record = {"shapes": write_shapes, "words": write_word}[task](folder, name, rng, plan.size)
    return [record | {"split": split_of(number)}]


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Write a data set of rendered heads and of drawings.")
    defaults = DataSetPlan()
    parser.add_argument("--output", type=Path, required=True, help="folder to write")
    parser.add_argument("--identities", type=int, default=defaults.identities)
    parser.add_argument("--held-out-identities", type=int, default=defaults.held_out_identities)
    parser.add_argument("--first-identity", type=int, default=defaults.first_identity)
    parser.add_argument("--stills-per-label", type=int, default=defaults.stills_per_label)
    parser.add_argument("--clips-per-identity", type=int, default=defaults.clips_per_identity)
    parser.add_argument("--shapes", type=int, default=defaults.shapes)
    parser.add_argument("--words", type=int, default=defaults.words)
    parser.add_argument("--moving", type=int, default=defaults.moving)
    parser.add_argument("--size", type=int, default=defaults.size, help="side of the pictures, pixels")
    parser.add_argument("--clip-frames", type=int, nargs=2, default=defaults.clip_frames, metavar=("LEAST", "MOST"))
    parser.add_argument("--clip-fps", type=float, default=defaults.clip_fps)
    parser.add_argument("--face-height", type=float, nargs=2, default=defaults.face_height, metavar=("LEAST", "MOST"))
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parser.add_argument("--workers", type=int, default=2, help="processes")
    chosen = vars(parser.parse_args(arguments))
    folder, workers = chosen.pop("output"), chosen.pop("workers")
    start = time.perf_counter()
    try:
        ranges = {name: tuple(chosen[name]) for name in ("face_height", "clip_frames")}
        plan = DataSetPlan(**chosen | ranges)
        records = write_data_set(folder, plan, workers)
    except (ValueError, HeadAssetsError) as error:
        parser.error(str(error))
    print(f"{len(records)} records in {time.perf_counter() - start:.0f} s: {folder / RECORDS}", file=sys.stderr)


if __name__ == "__main__":
    main()
