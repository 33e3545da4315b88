"""Writes a synthetic data set: a folder with `records.jsonl` and the media that it names.

`python -m emotion_qwen.train.synthetic.data_set --output DIR --identities 400 --held-out-identities 40 --seed 0`
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from emotion_qwen.inference.prompts import EMOTION_LABELS
from emotion_qwen.train.synthetic.clips import Clip, sample_clip
from emotion_qwen.train.synthetic.drawings import write_moving, write_shapes, write_word
from emotion_qwen.train.synthetic.head_assets import HeadAssetsError
from emotion_qwen.train.synthetic.head_identity import Person, sample_person
from emotion_qwen.train.synthetic.head_model import HeadModel, build_head
from emotion_qwen.train.synthetic.performance import LEAST_FRAMES, ClipEvent
from emotion_qwen.train.synthetic.stills import Still, sample_still
from emotion_qwen.train.synthetic.video_writing import write_mp4

RECORDS = "records.jsonl"
HELD_OUT_FROM = 1_000_000
"""Identities from here on are held out, those below are for training: the two can never meet."""
_DETAILED_FROM = 260
"""Side of a picture (pixels) from which on textures are painted at twice the detail."""
_DRAWING_SEEDS = {"shapes": 0x5A, "words": 0x30, "moving": 0x90}
"""What keeps the draws of one kind of drawing apart from those of another."""

Record = dict[str, Any]


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
    clip_fps: float = 3.0
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


def write_records(folder: Path, records: list[Record]) -> None:
    """Writes the records of a data set, one JSON object a line."""
    with (folder / RECORDS).open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def read_records(folder: Path) -> list[Record]:
    """Reads the records of a data set folder.

    Raises:
        FileNotFoundError: If none was written there.
    """
    if not (folder / RECORDS).is_file():
        writer = "`python -m emotion_qwen.train.synthetic.data_set --output`"
        raise FileNotFoundError(f"There is no rendered data set at '{folder}': {writer} writes one.")
    with (folder / RECORDS).open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


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


def _split(number: int) -> str:
    return "held_out" if number >= HELD_OUT_FROM else "train"


def _write_person(folder: Path, plan: DataSetPlan, identity: int) -> list[Record]:
    """Writes all pictures and clips of one person."""
    rng = np.random.default_rng([plan.seed, identity])
    head = build_head(sample_person(identity), detail=2 if plan.size >= _DETAILED_FROM else 1)
    records = []
    for label in EMOTION_LABELS:
        for number in range(plan.stills_per_label):
            still = sample_still(rng, head, label, plan.size, plan.face_height)
            name = f"{identity:07d}-{label}-{number}"
            still.picture.save(folder / f"media/{name}.jpg", quality=still.jpeg_quality)
            records.append(_still_record(name, still, head.person))
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
    write_mp4(folder / f"media/{name}.mp4", clip.frames, clip.fps)
    return clip_record(name, f"media/{name}.mp4", clip, head.person)


def person_truth(person: Person) -> Record:
    """The truth about a person, as every record holds it."""
    return {
        "identity": person.identity,
        "split": _split(person.identity),
        "sex": person.sex,
        "age": person.age,
        "skin_group": person.skin_group,
    }


def _still_record(name: str, still: Still, person: Person) -> Record:
    return {
        "id": name,
        "task": "emotion",
        "kind": "image",
        "media": f"media/{name}.jpg",
        "label": still.expression.label,
        "intensity": still.expression.intensity,
        "action_units": still.expression.action_units,
        "apex_frame": 0,
        "apex_time": 0.0,
        "face_box": still.face_box,
        "yaw": round(still.view.yaw, 1),
        "pitch": round(still.view.pitch, 1),
        "background": still.background,
        **person_truth(person),
    }


def clip_record(name: str, media: str, clip: Clip, person: Person) -> Record:
    """The truth about a clip.

    Args:
        name: Its id.
        media: Where the mp4 lies, relative to the record.
        clip: The clip.
        person: Who it shows.
    """
    return {
        "id": name,
        "task": "emotion",
        "kind": "video",
        "media": media,
        **performance_truth(clip.events, clip.strongest, clip.face_boxes, clip.fps),
        "background": clip.background,
        **person_truth(person),
    }


def performance_truth(
    events: Sequence[ClipEvent], strongest: ClipEvent, face_boxes: Sequence[Any], fps: float
) -> Record:
    """The truth about what one person shows in a clip.

    Args:
        events: Their expressions.
        strongest: The one that the clip is labelled after.
        face_boxes: Their face in each frame.
        fps: Of the clip.
    """
    return {
        "label": strongest.expression.label,
        "intensity": strongest.expression.intensity,
        "action_units": strongest.expression.action_units,
        "apex_frame": strongest.apex,
        "apex_time": round(strongest.apex / fps, 3),
        "face_box": face_boxes[strongest.apex],
        "face_boxes": face_boxes,
        "fps": fps,
        "frames": len(face_boxes),
        "events": [event_truth(event) for event in events],
    }


def event_truth(event: ClipEvent) -> Record:
    """The truth about one expression within a clip."""
    return {
        "label": event.expression.label,
        "intensity": event.expression.intensity,
        "action_units": event.expression.action_units,
        "onset_frame": event.onset,
        "apex_frame": event.apex,
        "offset_frame": event.offset,
    }


def _write_drawing(folder: Path, plan: DataSetPlan, task: str, number: int) -> list[Record]:
    """Writes one drawn picture or clip."""
    rng = np.random.default_rng([plan.seed, number, _DRAWING_SEEDS[task]])
    name = f"{number:07d}-{task}"
    if task == "moving":
        frames = even_length(rng, *plan.clip_frames)
        record = write_moving(folder, name, rng, plan.size, frames, plan.clip_fps)
    else:
        record = {"shapes": write_shapes, "words": write_word}[task](folder, name, rng, plan.size)
    return [record | {"split": _split(number)}]


def require_even_length(least: int, most: int) -> None:
    """Refuses bounds between which `even_length` has nothing to draw.

    Raises:
        ValueError: There is no even number from `least` to `most`.
    """
    if (least + 1) // 2 > most // 2:
        raise ValueError(f"Clips have an even number of frames, and none is from {least} to {most}")


def even_length(rng: np.random.Generator, least: int, most: int) -> int:
    """Draws an even number of frames: two make one patch, and of an odd number one would not be seen.

    Args:
        rng: Source of randomness.
        least: Least number, rounded up to an even one.
        most: Greatest number, rounded down; not below `least` then.
    """
    return 2 * int(rng.integers((least + 1) // 2, most // 2 + 1))


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
