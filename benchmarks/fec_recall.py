"""Measure key frames and tracks on rendered clips of one to three people whose apex frames are known exactly.

    python benchmarks/fec_recall.py                       # held-out people, the settings' defaults
    python benchmarks/fec_recall.py --clips 100 --seed 1  # the same of people whom nobody has looked at
    python benchmarks/fec_recall.py --clips 150 --curve   # people for training, many settings: for the defaults

fec_recall.md has the figures. Rendering takes about two seconds a clip. The curve's picture needs matplotlib.
"""

import argparse
import itertools
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torchvision.ops import box_iou

from emotion_qwen.processing import FaceCapture, FacialEmotionCapture
from emotion_qwen.processing.face_capture import EMOTIONS, Face, scores_by_track
from emotion_qwen.processing.facial_emotion_capture_settings import FacialEmotionCaptureSettings
from emotion_qwen.processing.key_frames import Peak, select_key_frames
from emotion_qwen.train.synthetic.backgrounds import sample_background
from emotion_qwen.train.synthetic.data_set import HELD_OUT_FROM
from emotion_qwen.train.synthetic.groups import GroupClip, Member, sample_groups
from emotion_qwen.train.synthetic.shapes import sample_shapes

TOLERANCE = 1
"""A key frame this many sampled frames (at 3 a second) from an apex has found it."""
SEEN_FROM = 0.6
"""An apex counts if at least this share of the face is visible then."""
TUNING_PEOPLE = 200_000
"""Number of the first person that the curve is made with: for training, but unknown to the calibration."""
PEOPLE_PER_SEED = 1_000
"""Clips of another seed begin with another person: enough for 500 clips."""
TRIED: dict[str, tuple[float, ...]] = {
    "smoothing_window": (1, 3, 5),
    "key_frame_threshold": (0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7),
    "neutral_weight": (0.2, 0.4, 0.6, 1.0),
    "key_frame_base": (0.6, 0.7, 0.8, 0.9, 1.0),
    "key_frame_min_gap": (1, 2, 3),
    "max_key_frames": (2, 3, 4, 6),
}
"""Values of each setting that the curve shows; the default is one of them."""
DRAWN = ("smoothing_window", "key_frame_threshold", "neutral_weight")
PICTURE = Path(__file__).with_name("fec_recall.png")


Seen = dict[tuple[int, int], Member | None]
"""For the frame and track of each face whose it is; None for nobody's."""


@dataclass
class Score:
    """Counts over clips.

    Attributes:
        apexes: Visible apexes.
        found: Those with a key frame near.
        named: Those with a key frame near that is of this person and has the right label.
        offsets: Frames from each found apex to the nearest key frame.
        key_frames: Key frames.
        right: Those whose label the person was showing then.
        people, tracks: People who were found, and tracks of theirs.
        faces, strayed: Faces found, and those on a track that is mostly another person's.
    """

    apexes: int = 0
    found: int = 0
    named: int = 0
    offsets: list[int] = field(default_factory=list)
    key_frames: int = 0
    right: int = 0
    people: int = 0
    tracks: int = 0
    faces: int = 0
    strayed: int = 0

    @property
    def recall(self) -> float:
        """Share of the apexes that were found."""
        return self.found / max(self.apexes, 1)

    @property
    def label(self) -> float:
        """Share of the key frames whose label is right."""
        return self.right / max(self.key_frames, 1)


def captured(clips: list[GroupClip], **settings: float) -> list[FaceCapture]:
    """Run Facial Emotion Capture over clips with some settings changed."""
    fec = FacialEmotionCapture(**settings)
    return [fec.capture(torch.from_numpy(clip.frames).permute(0, 3, 1, 2), fps=clip.fps) for clip in clips]


def whose(clip: GroupClip, frame: int, face: Face) -> Member | None:
    """Find the member whose visible face a found face overlaps most; None if there is none."""
    overlaps = [
        (float(box_iou(torch.tensor([face.box]), torch.tensor([member.face_boxes[frame]]))), -number)
        for number, member in enumerate(clip.members)
        if member.visible[frame] > 0.3
    ]
    best, number = max(overlaps, default=(0.0, 0))
    return clip.members[-number] if best > 0.2 else None


def who_is_who(clip: GroupClip, capture: FaceCapture) -> Seen:
    """Find whose face each found face is."""
    return {
        (frame, face.track): whose(clip, frame, face) for frame, faces in enumerate(capture.faces) for face in faces
    }


def count_key_frames(score: Score, clip: GroupClip, seen: Seen, peaks: list[Peak]) -> None:
    """Compare key frames with the truth."""
    shown = [seen[peak.frame, peak.track] for peak in peaks]
    score.key_frames += len(peaks)
    score.right += sum(
        member is not None and member.shown(peak.frame) == peak.label
        for peak, member in zip(peaks, shown, strict=True)
    )
    for member in clip.members:
        for event in member.events:
            if member.visible[event.apex] < SEEN_FROM:
                continue
            near = [number for number, peak in enumerate(peaks) if abs(peak.frame - event.apex) <= TOLERANCE]
            score.apexes += 1
            score.found += bool(near)
            score.offsets += sorted(abs(peaks[number].frame - event.apex) for number in near)[:1]
            score.named += any(
                shown[number] is member and peaks[number].label == event.expression.label for number in near
            )


def count_tracks(score: Score, clip: GroupClip, seen: Seen) -> None:
    """Compare tracks with people."""
    people: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for (_, track), member in seen.items():
        if member is not None:
            people[track][clip.members.index(member)] += 1
    score.people += len({member for counts in people.values() for member in counts})
    score.tracks += sum(len(counts) for counts in people.values())
    score.faces += sum(sum(counts.values()) for counts in people.values())
    score.strayed += sum(sum(counts.values()) - max(counts.values()) for counts in people.values())


def settings_to_try() -> list[dict[str, float]]:
    """Change the defaults one at a time, and those that the picture shows together."""
    defaults = FacialEmotionCaptureSettings().to_dict()
    together = itertools.product(*(TRIED[name] for name in DRAWN))
    changes = [{name: value} for name, values in TRIED.items() for value in values]
    changes += [dict(zip(DRAWN, values, strict=True)) for values in together]
    complete = [{name: change.get(name, defaults[name]) for name in TRIED} for change in changes]
    return [change for number, change in enumerate(complete) if change not in complete[:number]]


def sweep(clips: list[GroupClip]) -> list[tuple[dict[str, float], Score]]:
    """Score many settings on the same clips."""
    windows = {window: captured(clips, smoothing_window=window) for window in TRIED["smoothing_window"]}
    timelines = {
        window: [scores_by_track(capture.faces, len(EMOTIONS)) for capture in captures]
        for window, captures in windows.items()
    }
    # Smoothing moves no face: any window tells who is who.
    seen = [who_is_who(clip, capture) for clip, capture in zip(clips, next(iter(windows.values())), strict=True)]
    rows = []
    for changes in settings_to_try():
        score = Score()
        for clip, known, people in zip(clips, seen, timelines[changes["smoothing_window"]], strict=True):
            peaks = select_key_frames(
                people,
                EMOTIONS,
                max_key_frames=changes["max_key_frames"],
                threshold=changes["key_frame_threshold"],
                min_gap=changes["key_frame_min_gap"],
                neutral_weight=changes["neutral_weight"],
                base=changes["key_frame_base"],
            )
            count_key_frames(score, clip, known, peaks)
        rows.append((changes, score))
    return rows


def print_curve(rows: list[tuple[dict[str, float], Score]]) -> None:
    """Print, setting by setting, what changing it alone does to the defaults."""
    defaults = FacialEmotionCaptureSettings().to_dict()
    print("| setting | value | recall | label right | key frames |\n|---|---|---|---|---|")
    for name, values in TRIED.items():
        for value in values:
            changed = {other: defaults[other] for other in TRIED} | {name: value}
            score = next(score for changes, score in rows if changes == changed)
            mark = " (default)" if value == defaults[name] else ""
            print(f"| {name} | {value}{mark} | {score.recall:.3f} | {score.label:.3f} | {score.key_frames} |")


def draw_curve(rows: list[tuple[dict[str, float], Score]]) -> None:
    """Draw recall against rightness, one line over thresholds for each neutral weight and smoothing."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    defaults = FacialEmotionCaptureSettings().to_dict()
    fixed = [name for name in TRIED if name not in DRAWN]
    rows = [row for row in rows if all(row[0][name] == defaults[name] for name in fixed)]
    figure, axes = pyplot.subplots(figsize=(7, 5))
    styles = dict(zip(TRIED["smoothing_window"], (":", "-", "--"), strict=True))
    colours = dict(zip(TRIED["neutral_weight"], ("tab:green", "tab:blue", "tab:orange", "tab:red"), strict=True))
    for window, neutral in itertools.product(styles, colours):
        line = [row for row in rows if (row[0]["smoothing_window"], row[0]["neutral_weight"]) == (window, neutral)]
        line = [score for _, score in sorted(line, key=lambda row: row[0]["key_frame_threshold"])]
        axes.plot(
            [score.recall for score in line],
            [score.label for score in line],
            styles[window],
            color=colours[neutral],
            marker=".",
            label=f"smoothing {window}, neutral × {neutral:g}",
        )
    chosen = next(score for changes, score in rows if all(changes[name] == defaults[name] for name in changes))
    axes.plot(chosen.recall, chosen.label, "k*", markersize=14, label="default")
    axes.axhline(0.85, color="gray", linewidth=0.7)
    axes.axvline(0.9, color="gray", linewidth=0.7)
    axes.set(xlabel="apexes found within one frame", ylabel="key frames with the right label")
    axes.set_title("Rendered people for training; thresholds from 0.3 to 0.7 along each line", fontsize=10)
    axes.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(PICTURE, dpi=110)


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
    print(
        "| clips | apexes | found | found, person and label right | mean offset (frames) | key frames | label right |",
        end="",
    )
    print(" people | tracks | faces | on another's track |\n" + "|---" * 11 + "|")
    for name, score in scores.items():
        offset = sum(score.offsets) / max(len(score.offsets), 1)
        print(
            f"| {name} | {score.apexes} | {score.recall:.3f} | {score.named / score.apexes:.3f} | {offset:.2f} ",
            end="",
        )
        print(f"| {score.key_frames} | {score.label:.3f} | {score.people} | {score.tracks} | {score.faces} ", end="")
        print(f"| {score.strayed} |")


def main() -> None:
    """Render, capture, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0, help="other numbers: other clips of other held-out people")
    parser.add_argument("--curve", action="store_true", help="sweep settings on people for training instead")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.curve:
        rows = sweep(sample_groups(arguments.clips, 1, TUNING_PEOPLE))
        print_curve(rows)
        draw_curve(rows)
        return
    clips = sample_groups(arguments.clips, arguments.seed, HELD_OUT_FROM + PEOPLE_PER_SEED * arguments.seed)
    report(clips, captured(clips))
    false = [capture.key_frames for capture in captured_faceless(arguments.clips)]
    print(f"\nKey frames on {len(false)} clips without a face: {sum(map(len, false))}")


def captured_faceless(count: int) -> list[FaceCapture]:
    """Capture clips without a face."""
    fec = FacialEmotionCapture()
    return [fec.capture(frames, fps=3.0) for frames in faceless_clips(count)]


if __name__ == "__main__":
    main()
