"""Draw what each setting of Facial Emotion Capture does to its key frames; writes fec_recall.png.

python benchmarks/fec_curve.py --clips 150

The defaults are chosen from it, on rendered people for training; fec_recall.md has the figures. Rendering takes about
two seconds a clip.
"""

import argparse
import itertools
from pathlib import Path

import torch
from fec_scores import Score, captured, count_key_frames, sample_groups, who_is_who

from emotion_qwen.processing.face_capture import EMOTIONS, scores_by_track
from emotion_qwen.processing.facial_emotion_capture_settings import FacialEmotionCaptureSettings
from emotion_qwen.processing.key_frames import select_key_frames
from emotion_qwen.train.synthetic.groups import GroupClip

TUNING_PEOPLE = 200_000
"""Number of the first person that the curve is made with: for training, but unknown to the calibration."""
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


def main() -> None:
    """Render, capture with many settings, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=150)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = sweep(sample_groups(arguments.clips, 1, TUNING_PEOPLE))
    print_curve(rows)
    draw_curve(rows)


if __name__ == "__main__":
    main()
