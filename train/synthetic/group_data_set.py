"""Writes clips of groups with their records, as `data_set` writes them.

`python -m emotion_qwen.train.synthetic.group_data_set --output DIR --clips 0 --held-out-clips 50 --seed 0`
"""

import argparse
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from emotion_qwen.train.synthetic.clip_lengths import even_length, require_even_length
from emotion_qwen.train.synthetic.data_set import made_in_order
from emotion_qwen.train.synthetic.groups import MOST_PEOPLE, SCENES, sample_group
from emotion_qwen.train.synthetic.head_assets import HeadAssetsError
from emotion_qwen.train.synthetic.head_identity import sample_person
from emotion_qwen.train.synthetic.head_model import build_head
from emotion_qwen.train.synthetic.person_records import group_record
from emotion_qwen.train.synthetic.records import HELD_OUT_FROM, RECORDS, Record, write_records
from emotion_qwen.train.synthetic.video_writing import write_mp4


@dataclass(frozen=True)
class GroupPlan:
    """What to write: clips of one, two and three people in turn, of all scenes in turn, every person once.

    Attributes:
        clips: Clips of people for training.
        held_out_clips: Clips of people for testing.
        first_identity: Number of the first person of either split, within its range.
        scenes: Of `groups.SCENES`.
        frames: Least and greatest number of frames of a clip; even numbers between them are drawn.
        size: Height and width of the frames, pixels; even.
        face_height: Least and greatest height of a face over that of its frame.
        seed: Everything is drawn from it (but what people look like, which is their number's).
    """

    clips: int = 50
    held_out_clips: int = 50
    first_identity: int = 0
    scenes: tuple[str, ...] = SCENES
    frames: tuple[int, int] = (18, 18)
    size: tuple[int, int] = (192, 336)
    face_height: tuple[float, float] = (0.3, 0.45)
    seed: int = 0

    def __post_init__(self) -> None:
        most = self.first_identity + MOST_PEOPLE * max(self.clips, self.held_out_clips)
        if most > HELD_OUT_FROM:
            raise ValueError(f"Identities are numbered below {HELD_OUT_FROM}")
        if self.size[0] % 2 or self.size[1] % 2:
            raise ValueError(f"The size must be even for clips, not {self.size[0]} x {self.size[1]}")
        require_even_length(*self.frames)
        if unknown := set(self.scenes) - set(SCENES):
            raise ValueError(f"Unknown scene {min(unknown)!r}: of {', '.join(SCENES)}")


def write_groups(folder: Path, plan: GroupPlan, workers: int = 1) -> list[Record]:
    """Writes the clips and the records; the same plan writes the same bytes with any number of workers.

    Args:
        folder: Made if missing.
        plan: What to write.
        workers: Processes.

    Returns:
        The records, in the order of the file.
    """
    (folder / "media").mkdir(parents=True, exist_ok=True)
    numbers = [*range(plan.clips), *(HELD_OUT_FROM + number for number in range(plan.held_out_clips))]
    records = [
        record for made in made_in_order(partial(_write_group, folder, plan), numbers, workers) for record in made
    ]
    write_records(folder, records)
    return records


def _write_group(folder: Path, plan: GroupPlan, number: int) -> list[Record]:
    """Writes one clip; those with a number from `HELD_OUT_FROM` on show held-out people."""
    rng = np.random.default_rng([plan.seed, number])
    split, turn = divmod(number, HELD_OUT_FROM)
    people = 1 + turn % MOST_PEOPLE
    first = split * HELD_OUT_FROM + plan.first_identity + MOST_PEOPLE * turn
    heads = [build_head(sample_person(first + offset)) for offset in range(people)]
    scene = plan.scenes[turn // MOST_PEOPLE % len(plan.scenes)]
    frames = even_length(rng, *plan.frames)
    clip = sample_group(rng, heads, scene, frames, size=plan.size, face_height=plan.face_height)
    name = f"{number:07d}-group-{clip.scene}"
    media = f"media/{name}.mp4"
    write_mp4(folder / media, clip.frames, clip.fps)
    return [group_record(name, media, clip)]


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Render clips of one to three people, with their truth.")
    defaults = GroupPlan()
    parser.add_argument("--output", type=Path, required=True, help="folder to write")
    parser.add_argument("--clips", type=int, default=defaults.clips)
    parser.add_argument("--held-out-clips", type=int, default=defaults.held_out_clips)
    parser.add_argument("--first-identity", type=int, default=defaults.first_identity)
    parser.add_argument("--scenes", nargs="+", default=defaults.scenes, choices=SCENES)
    parser.add_argument("--frames", type=int, nargs=2, default=defaults.frames, metavar=("LEAST", "MOST"))
    parser.add_argument("--size", type=int, nargs=2, default=defaults.size, metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--face-height", type=float, nargs=2, default=defaults.face_height, metavar=("LEAST", "MOST"))
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parser.add_argument("--workers", type=int, default=2, help="processes")
    chosen = vars(parser.parse_args(arguments))
    folder, workers = chosen.pop("output"), chosen.pop("workers")
    try:
        plan = GroupPlan(
            **{name: tuple(value) if isinstance(value, list) else value for name, value in chosen.items()}
        )
        records = write_groups(folder, plan, workers)
    except (ValueError, HeadAssetsError) as error:
        parser.error(str(error))
    print(f"{len(records)} clips: {folder / RECORDS}", file=sys.stderr)


if __name__ == "__main__":
    main()
