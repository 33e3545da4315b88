"""Measure key frames and tracks on rendered clips of one to three people whose apex frames are known exactly.

    python benchmarks/fec_recall.py                       # held-out people, the settings' defaults
    python benchmarks/fec_recall.py --clips 100 --seed 1  # the same of people whom nobody has looked at

fec_recall.md has the figures. Rendering takes about two seconds a clip.
"""

import argparse
from collections import defaultdict

import numpy as np
import torch
from fec_scores import Score, captured, count_key_frames, count_tracks, sample_groups, who_is_who

from emotion_qwen.processing import FaceCapture, FacialEmotionCapture
from emotion_qwen.processing.key_frames import Peak
from emotion_qwen.train.synthetic.backgrounds import sample_background
from emotion_qwen.train.synthetic.groups import GroupClip
from emotion_qwen.train.synthetic.records import HELD_OUT_FROM
from emotion_qwen.train.synthetic.shapes import sample_shapes

PEOPLE_PER_SEED = 1_000
"""Clips of another seed begin with another person: enough for 500 clips."""
HEADING = (
    "| clips | apexes | found | found, person and label right | mean offset (frames) | key frames | label right |"
    " people | tracks | faces | on another's track |"
)


def report(clips: list[GroupClip], captures: list[FaceCapture]) -> None:
    """Print the figures of all clips and of each scene."""
    scores: dict[str, Score] = defaultdict(Score)
    for clip, capture in zip(clips, captures, strict=True):
        peaks = [Peak(key.frame, key.tracks[0], key.label, key.confidence) for key in capture.key_frames]
        seen = who_is_who(clip, capture)
        people = "1 person" if len(clip.members) == 1 else f"{len(clip.members)} people"
        for name in ("all", clip.scene, people):
            count_key_frames(scores[name], clip, seen, peaks)
            count_tracks(scores[name], clip, seen)
    print(HEADING + "\n" + "|---" * 11 + "|")
    for name, score in scores.items():
        print(_row(name, score))


def _row(name: str, score: Score) -> str:
    offset = sum(score.offsets) / max(len(score.offsets), 1)
    shares = [f"{score.recall:.3f}", f"{score.named / max(score.apexes, 1):.3f}", f"{offset:.2f}"]
    cells = [name, score.apexes, *shares, score.key_frames, f"{score.label:.3f}"]
    return f"| {' | '.join(map(str, [*cells, score.people, score.tracks, score.faces, score.strayed]))} |"


def faceless_clips(count: int, seed: int = 0) -> list[torch.Tensor]:
    """Draw moving clips without a face: shapes, noise, stripes, checks and the backgrounds of the rendered clips."""
    clips = []
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        picture = _faceless_picture(rng, number % 5)
        steps = rng.integers(-6, 7, 2)
        frames = [np.roll(picture, tuple(frame * steps), (0, 1)) for frame in range(12)]
        clips.append(torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2))
    return clips


def _faceless_picture(rng: np.random.Generator, kind: int) -> np.ndarray:
    if kind == 0:
        return np.asarray(sample_shapes(rng, 224)[0])
    if kind == 1:
        return rng.integers(0, 256, (192, 336, 3)).astype(np.uint8)
    if kind == 2:
        return sample_background(rng, (192, 336))
    rows, columns = np.mgrid[:192, :336]
    waves = np.sin(rows * rng.uniform(0.05, 0.6)) + np.sin(columns * rng.uniform(0.05, 0.6))
    pattern = waves if kind == 3 else np.sign(waves)
    return (127 + 60 * pattern[..., None] * rng.uniform(0.3, 1, 3)).astype(np.uint8)


def main() -> None:
    """Render, capture, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0, help="other numbers: other clips of other held-out people")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    clips = sample_groups(arguments.clips, arguments.seed, HELD_OUT_FROM + PEOPLE_PER_SEED * arguments.seed)
    report(clips, captured(clips))
    fec = FacialEmotionCapture()
    false = sum(len(fec.capture(frames, fps=3.0).key_frames) for frames in faceless_clips(arguments.clips))
    print(f"\nKey frames on {arguments.clips} clips without a face: {false}")


if __name__ == "__main__":
    main()
