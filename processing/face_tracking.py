"""Faces followed through a clip: where they should be next, what they look like, and smoothing along each track.

A track is one person as far as places and colours tell. Within a shot a face continues the track whose predicted
place and whose colours it fits best, so that people who cross or are hidden for a moment keep their identity. A scene
cut, or being out of sight for too long, ends a track; the person gets the same number again only where the colours of
the face are nearly the same (the camera returns to an earlier shot, or someone comes back into it). A new light or a
new side of the face gives a new track: across such cuts, colours tell rendered people apart only four times in five.
"""

import math
from dataclasses import dataclass
from itertools import groupby

import torch
import torch.nn.functional as F
from torch import Tensor

from .face_appearance import likeness
from .face_capture import Box

_REACH = 0.6
"""Standard deviation of where a face is after one frame, in units of its side; grows with the root of the gap."""
_MEMORY = 0.8
"""Weight of a track's earlier appearance when its face is seen again (an exponential moving average)."""


@dataclass(slots=True)
class _Track:
    """A person who was seen: when, where, how fast they moved, and what they looked like."""

    number: int
    frame: int
    box: Box
    velocity: tuple[float, float]
    appearance: Tensor

    def is_live(self, frame: int, shot: int, max_gap: int) -> bool:
        """Whether the track goes on at a frame of the shot that began at frame `shot`."""
        return self.frame >= shot and frame - self.frame <= max_gap

    def nearness(self, frame: int, box: Box) -> float:
        """How well a box fits what this track does next, 0 to 1: its place, moving on or staying, and its size."""
        gap = frame - self.frame
        side, own_side = _side(box), _side(self.box)
        (x, y), (own_x, own_y) = _center(box), _center(self.box)
        moving = math.dist((x, y), (own_x + gap * self.velocity[0], own_y + gap * self.velocity[1]))
        distance = min(moving, math.dist((x, y), (own_x, own_y))) / ((side + own_side) / 2)
        return math.exp(-0.5 * distance**2 / (_REACH**2 * gap)) * min(side, own_side) / max(side, own_side)

    def see(self, frame: int, box: Box, appearance: Tensor) -> None:
        """Take in the face's next place and look."""
        gap = frame - self.frame
        (x, y), (own_x, own_y) = _center(box), _center(self.box)
        self.velocity = ((x - own_x) / gap, (y - own_y) / gap)
        self.frame, self.box = frame, box
        self.appearance = _MEMORY * self.appearance + (1 - _MEMORY) * appearance

    def return_as(self, frame: int, box: Box, appearance: Tensor) -> None:
        """Take up an ended track again, at rest."""
        self.frame, self.box, self.velocity, self.appearance = frame, box, (0.0, 0.0), appearance


def assign_tracks(
    frame_indices: list[int],
    boxes: Tensor,
    appearances: Tensor,
    cuts: list[int],
    min_similarity: float,
    max_gap: int,
    reidentification: float,
) -> list[int]:
    """Give each face the number of its track.

    In each frame, faces and live tracks are paired by falling similarity (nearness to the predicted place × likeness
    of the colours), each at most once. A face that is left over takes up the ended track that it resembles most, if
    it does so enough, or else starts a new one.

    Args:
        frame_indices: Frame of each face, in rising order.
        boxes: Boxes (N, 4) as x1, y1, x2, y2 in pixels.
        appearances: What each face looks like (N, D), as `describe_faces` gives it.
        cuts: Frames that begin a new shot, in rising order; a cut ends all tracks.
        min_similarity: Smallest similarity that continues a track, 0 to 1.
        max_gap: A track ends once it was last seen more than this many frames ago.
        reidentification: Likeness from which a face takes up an ended track; with 1 only an identical one does.

    Returns:
        The track of each face, counted from 0 in the order of appearance.
    """
    numbers = [-1] * len(frame_indices)
    places: list[Box] = [tuple(box) for box in boxes.tolist()]
    tracks: list[_Track] = []
    for frame, group in groupby(range(len(frame_indices)), key=frame_indices.__getitem__):
        faces = list(group)
        shot = max((cut for cut in cuts if cut <= frame), default=0)
        live = [track for track in tracks if track.is_live(frame, shot, max_gap)]
        ended = [track for track in tracks if not track.is_live(frame, shot, max_gap)]
        nearness = [[track.nearness(frame, places[face]) for track in live] for face in faces]
        similarity = torch.tensor(nearness, dtype=torch.float32, device="cpu").reshape(len(faces), len(live))
        similarity = similarity * _likeness_to(live, appearances[faces])
        for face, track in _greedy_pairs(similarity, min_similarity):
            numbers[faces[face]] = live[track].number
            live[track].see(frame, places[faces[face]], appearances[faces[face]])
        left = [face for face in faces if numbers[face] < 0]
        for face, track in _greedy_pairs(_likeness_to(ended, appearances[left]), reidentification):
            numbers[left[face]] = ended[track].number
            ended[track].return_as(frame, places[left[face]], appearances[left[face]])
        for face in left:
            if numbers[face] < 0:
                numbers[face] = len(tracks)
                tracks.append(_Track(len(tracks), frame, places[face], (0.0, 0.0), appearances[face]))
    return numbers


def _center(box: Box) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def _side(box: Box) -> float:
    """Geometric mean of a box's sides, at least one pixel."""
    return max(math.sqrt(max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)), 1.0)


def _likeness_to(tracks: list[_Track], appearances: Tensor) -> Tensor:
    """Compare faces (N, D) with tracks: (N, number of tracks)."""
    if not tracks:
        return appearances.new_zeros(len(appearances), 0)
    return likeness(appearances, torch.stack([track.appearance for track in tracks]))


def _greedy_pairs(similarity: Tensor, least: float) -> list[tuple[int, int]]:
    """Pair rows with columns, the most similar first, each at most once; ties go to the first."""
    candidates = sorted(
        (-value, row, column)
        for row, values in enumerate(similarity.tolist())
        for column, value in enumerate(values)
        if value >= least and value > 0
    )
    pairs: list[tuple[int, int]] = []
    taken_rows: set[int] = set()
    taken_columns: set[int] = set()
    for _, row, column in candidates:
        if row in taken_rows or column in taken_columns:
            continue
        pairs.append((row, column))
        taken_rows.add(row)
        taken_columns.add(column)
    return pairs


def smooth_along_tracks(
    probabilities: Tensor, frame_indices: list[int], tracks: list[int], cuts: list[int], window: int
) -> Tensor:
    """Replace each face's probabilities by the mean over its neighbours on the track, within one shot.

    Args:
        probabilities: (N, L), faces in the order of time.
        frame_indices: Frame of each face.
        tracks: Track of each face.
        cuts: Frames that begin a new shot: a face after a cut says nothing about the face before it.
        window: Odd number of faces that the mean goes over; at the ends the last face is repeated.

    Returns:
        Smoothed probabilities (N, L); a face alone on its track is unchanged.
    """
    members: dict[tuple[int, int], list[int]] = {}
    for index, (track, frame) in enumerate(zip(tracks, frame_indices, strict=True)):
        members.setdefault((track, sum(cut <= frame for cut in cuts)), []).append(index)
    smoothed = probabilities.clone()
    for indices in members.values():
        if window == 1 or len(indices) == 1:
            continue
        series = F.pad(probabilities[indices].T, (window // 2, window // 2), mode="replicate")
        smoothed[indices] = F.avg_pool1d(series, window, stride=1).T
    return smoothed
