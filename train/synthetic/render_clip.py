"""Renders one clip to an mp4, with its truth beside it as JSON.

`python -m emotion_qwen.train.synthetic.render_clip --output clip.mp4 --identity 7 --labels surprise happy --seed 1`
"""

import argparse
import json
from pathlib import Path

import numpy as np

from emotion_qwen.inference.prompts import EMOTION_LABELS
from emotion_qwen.train.synthetic.clips import Clip, sample_clip
from emotion_qwen.train.synthetic.head_identity import sample_person
from emotion_qwen.train.synthetic.head_model import HeadModel, build_head
from emotion_qwen.train.synthetic.person_records import clip_record
from emotion_qwen.train.synthetic.video_writing import write_mp4


def render_clip(
    identity: int, labels: list[str], seed: int, seconds: float, fps: float, size: int, face_height: float
) -> tuple[HeadModel, Clip]:
    """Renders a clip; the same arguments give the same frames.

    Args:
        identity: Number of the person.
        labels: Emotions in order; the face is neutral before, between and after.
        seed: Of everything but the person.
        seconds: Length.
        fps: Frames a second.
        size: Side of the frames, pixels.
        face_height: Of the face over that of the frame.
    """
    head = build_head(sample_person(identity), detail=2)
    rng = np.random.default_rng([seed, identity])
    frames = round(seconds * fps)
    return head, sample_clip(rng, head, labels, frames, fps, (size, size), (face_height, face_height))


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Render a clip of a face and write its truth beside it.")
    parser.add_argument("--output", type=Path, required=True, help="mp4 to write; its truth goes to .json")
    parser.add_argument("--identity", type=int, required=True, help="number of the person")
    parser.add_argument("--labels", nargs="+", choices=EMOTION_LABELS, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--fps", type=float, default=25.0)
    parser.add_argument("--size", type=int, default=448, help="side of the frames, pixels")
    parser.add_argument("--face-height", type=float, default=0.5)
    parser.add_argument("--quality", type=int, default=24, help="constant rate factor of H.264")
    chosen = vars(parser.parse_args(arguments))
    output, quality = chosen.pop("output"), chosen.pop("quality")
    head, clip = render_clip(**chosen)
    write_mp4(output, clip.frames, clip.fps, quality)
    truth = clip_record(output.stem, output.name, clip, head.person)
    output.with_suffix(".json").write_text(json.dumps(truth, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
