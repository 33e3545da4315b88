"""The choice of key frames: where a clip shows its emotions best."""

from typing import NamedTuple


class Peak(NamedTuple):
    """A chosen frame: its index, the label that it peaks in, and the score of that label there."""

    frame: int
    label: str
    score: float


def select_key_frames(
    timeline: tuple[tuple[float, ...], ...],
    labels: tuple[str, ...],
    max_key_frames: int,
    threshold: float,
    min_gap: int,
    neutral_weight: float,
) -> list[Peak]:
    """Choose the frames that show a clip's emotions at their height.

    Every local peak of a label's score of at least `threshold` is a candidate. The best peak of each label is taken
    first, in falling order of score, then the remaining ones, as long as there is room and no chosen frame is nearer
    than `min_gap`. Neutral's score is weighted down first, so that the pauses between two expressions seldom count.
    If there is no candidate, the frame with the highest score of a label other than neutral is taken, under the label
    that leads in it.

    Args:
        timeline: Score (0 to 1) per frame and label; a frame without a face is all zeros.
        labels: Names of the labels.
        max_key_frames: Largest number of key frames.
        threshold: Weighted score from which a peak counts.
        min_gap: Smallest distance in frames between two key frames.
        neutral_weight: Factor on the scores of "neutral".

    Returns:
        Key frames in the order of time, with their scores unweighted; none if no frame has a score above zero.
    """

    def weighted(peak: Peak) -> float:
        return peak.score * (neutral_weight if peak.label == "neutral" else 1.0)

    candidates = [
        Peak(frame, label, series[frame])
        for label, series in zip(labels, zip(*timeline, strict=True), strict=False)
        for frame in _local_peaks(series)
    ]
    candidates = [peak for peak in candidates if peak.score > 0 and weighted(peak) >= threshold]
    if not candidates:
        return _best_frame(timeline, labels)
    candidates.sort(key=lambda peak: (-weighted(peak), peak.frame, labels.index(peak.label)))

    seen: set[str] = set()
    first_of_label = [peak for peak in candidates if not (peak.label in seen or seen.add(peak.label))]
    others = [peak for peak in candidates if peak not in first_of_label]
    chosen: list[Peak] = []
    for peak in first_of_label + others:
        if len(chosen) < max_key_frames and all(abs(peak.frame - other.frame) >= min_gap for other in chosen):
            chosen.append(peak)
    return sorted(chosen)


def _local_peaks(series: tuple[float, ...]) -> list[int]:
    """Return the frames of local maxima; a plateau counts once, at its middle."""
    peaks = []
    start = 0
    for end in range(1, len(series) + 1):
        if end < len(series) and series[end] == series[start]:
            continue
        rises = start == 0 or series[start - 1] < series[start]
        falls = end == len(series) or series[end] < series[start]
        if rises and falls:
            peaks.append((start + end - 1) // 2)
        start = end
    return peaks


def _best_frame(timeline: tuple[tuple[float, ...], ...], labels: tuple[str, ...]) -> list[Peak]:
    """Return the least neutral frame, named after its own highest score; nothing if there is no face."""
    if not any(map(any, timeline)):
        return []

    def strength(frame: int) -> float:
        return max(score for score, label in zip(timeline[frame], labels, strict=True) if label != "neutral")

    best = max(range(len(timeline)), key=strength)
    label, score = max(zip(labels, timeline[best], strict=True), key=lambda pair: pair[1])
    return [Peak(best, label, score)]
