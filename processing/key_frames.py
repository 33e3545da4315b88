"""The choice of key frames: where each person of a clip shows an emotion best."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

Timeline = Sequence[Sequence[float]]
"""For each frame one score (0 to 1) per label; zeros where the person is not seen."""


class Peak(NamedTuple):
    """A chosen frame: its index, the track and label that peak in it, and the score of that label there."""

    frame: int
    track: int
    label: str
    score: float


def select_key_frames(
    timelines: Mapping[int, Timeline],
    labels: Sequence[str],
    max_key_frames: int,
    threshold: float,
    min_gap: int,
    neutral_weight: float,
    base: float,
) -> list[Peak]:
    """Choose the frames that show the emotions of a clip's people at their height.

    1. Neutral's scores are weighted down, so that the pauses between two expressions seldom count.
    2. Every peak of a person's score for a label is a candidate if it reaches the threshold and the label leads among
       the person's scores in that frame. A peak is a local maximum with the frames around it, down to its base; lower
       maxima among them are part of it. Its frame is the centre of what rises above the base: while an expression is
       held its score saturates, and where exactly it is greatest is chance.
    3. Candidates are taken in three rounds, each in falling order of weighted score: the best of each person, then the
       best of each label of each person, then the others. A candidate is passed over if a frame nearer than `min_gap`
       was chosen: a key frame shows everybody, so frames are spared, whoever they were chosen for.
    4. If there is no candidate, the least neutral frame is taken, under the label that leads in it.

    Ties go to the earlier frame, then to the lower track, then to the label that comes first.

    Args:
        timelines: For each track the scores per frame and label (smoothed along the track), all of one length.
        labels: Names of the labels.
        max_key_frames: Largest number of key frames.
        threshold: Weighted score from which a peak counts.
        min_gap: Smallest distance in frames between two key frames.
        neutral_weight: Factor on the scores of "neutral".
        base: Where a peak ends, as a share of its greatest score; with 1 a peak is its maximum or plateau alone.

    Returns:
        Key frames in the order of time, with their scores unweighted; none if no one has a score above zero.
    """
    weights = [neutral_weight if label == "neutral" else 1.0 for label in labels]

    def weighted(peak: Peak) -> float:
        return peak.score * weights[labels.index(peak.label)]

    candidates = [
        peak
        for track, timeline in timelines.items()
        for peak in _leading_peaks(track, timeline, labels, weights, base)
        if weighted(peak) >= threshold
    ]
    if not candidates:
        return _least_neutral(timelines, labels)
    candidates.sort(key=lambda peak: (-weighted(peak), peak.frame, peak.track, labels.index(peak.label)))
    chosen: list[Peak] = []
    for peak in _in_rounds(candidates):
        if len(chosen) < max_key_frames and all(abs(peak.frame - other.frame) >= min_gap for other in chosen):
            chosen.append(peak)
    return sorted(chosen)


def _leading_peaks(
    track: int, timeline: Timeline, labels: Sequence[str], weights: Sequence[float], base: float
) -> list[Peak]:
    """Return the peaks of a person's labels in frames where that label leads."""
    peaks = []
    for column, label in enumerate(labels):
        for frame in _peak_frames([scores[column] for scores in timeline], base):
            score = timeline[frame][column]
            lead = max(value * weight for value, weight in zip(timeline[frame], weights, strict=True))
            if score * weights[column] >= lead:
                peaks.append(Peak(frame, track, label, score))
    return peaks


def _peak_frames(series: Sequence[float], base: float) -> list[int]:
    """Return the frame of each peak above zero, the highest peak first."""
    frames = []
    taken: set[int] = set()
    for top in sorted(_local_maxima(series), key=lambda frame: -series[frame]):
        if top in taken or series[top] <= 0:
            continue
        floor = base * series[top]
        belongs = [0 < score >= floor and frame not in taken for frame, score in enumerate(series)]
        first = last = top
        while first > 0 and belongs[first - 1]:
            first -= 1
        while last + 1 < len(series) and belongs[last + 1]:
            last += 1
        taken.update(range(first, last + 1))
        frames.append(first + _center([score - floor for score in series[first : last + 1]]))
    return frames


def _center(weights: Sequence[float]) -> int:
    """Return the index nearest to the centre of mass, the lower one of two; the middle if all weights are zero."""
    total = sum(weights)
    if total <= 0:
        return (len(weights) - 1) // 2
    center = sum(index * weight for index, weight in enumerate(weights)) / total
    return math.ceil(center - 0.5)


def _local_maxima(series: Sequence[float]) -> list[int]:
    """Return the frames of local maxima; a plateau counts once, at its middle."""
    maxima = []
    start = 0
    for end in range(1, len(series) + 1):
        if end < len(series) and series[end] == series[start]:
            continue
        rises = start == 0 or series[start - 1] < series[start]
        falls = end == len(series) or series[end] < series[start]
        if rises and falls:
            maxima.append((start + end - 1) // 2)
        start = end
    return maxima


def _in_rounds(ranked: Iterable[Peak]) -> list[Peak]:
    """Put the first peak of each person first, then the first of each label of each person, then the others."""
    people: set[int] = set()
    shown: set[tuple[int, str]] = set()
    rounds: tuple[list[Peak], list[Peak], list[Peak]] = ([], [], [])
    for peak in ranked:
        if peak.track not in people:
            rounds[0].append(peak)
        elif (peak.track, peak.label) not in shown:
            rounds[1].append(peak)
        else:
            rounds[2].append(peak)
        people.add(peak.track)
        shown.add((peak.track, peak.label))
    return [peak for group in rounds for peak in group]


def _least_neutral(timelines: Mapping[int, Timeline], labels: Sequence[str]) -> list[Peak]:
    """Return the frame with the highest score of a label other than neutral, under the label that leads in it."""

    def strength(place: tuple[int, int]) -> float:
        track, frame = place
        return max(
            (score for score, label in zip(timelines[track][frame], labels, strict=True) if label != "neutral"),
            default=0.0,
        )

    places = sorted(
        (
            (track, frame)
            for track, timeline in timelines.items()
            for frame, scores in enumerate(timeline)
            if any(scores)
        ),
        key=lambda place: (place[1], place[0]),
    )
    if not places:
        return []
    track, frame = max(places, key=strength)
    label, score = max(zip(labels, timelines[track][frame], strict=True), key=lambda pair: pair[1])
    return [Peak(frame, track, label, score)]
