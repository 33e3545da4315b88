"""Faces followed through a clip: greedy matching of boxes, and smoothing along each track."""

from itertools import groupby

import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import box_iou


def assign_tracks(frame_indices: list[int], boxes: Tensor, min_overlap: float, max_gap: int) -> list[int]:
    """Give each face the number of its track.

    In each frame, faces and live tracks are paired by falling IoU of their boxes, each at most once; a face that is
    left over starts a new track.

    Args:
        frame_indices: Frame of each face, in rising order.
        boxes: Boxes (N, 4) as x1, y1, x2, y2 in pixels.
        min_overlap: Smallest IoU with the last box of a track that continues it.
        max_gap: A track ends once it was last seen more than this many frames ago.

    Returns:
        The track of each face, counted from 0 in the order of appearance.
    """
    tracks = [-1] * len(frame_indices)
    last_seen: list[int] = []
    for frame, group in groupby(range(len(frame_indices)), key=frame_indices.__getitem__):
        faces = list(group)
        live = [track for track, face in enumerate(last_seen) if frame - frame_indices[face] <= max_gap]
        for face, track in _greedy_pairs(boxes, faces, [last_seen[track] for track in live], min_overlap):
            tracks[faces[face]] = live[track]
            last_seen[live[track]] = faces[face]
        for face in faces:
            if tracks[face] < 0:
                tracks[face] = len(last_seen)
                last_seen.append(face)
    return tracks


def _greedy_pairs(boxes: Tensor, faces: list[int], previous: list[int], min_overlap: float) -> list[tuple[int, int]]:
    """Pair positions in `faces` with positions in `previous`, the best overlap first."""
    if not previous:
        return []
    overlaps = box_iou(boxes[faces], boxes[previous]).tolist()
    candidates = sorted(
        (-overlap, face, track)
        for face, row in enumerate(overlaps)
        for track, overlap in enumerate(row)
        if overlap >= min_overlap and overlap > 0
    )
    pairs: list[tuple[int, int]] = []
    taken_faces: set[int] = set()
    taken_tracks: set[int] = set()
    for _, face, track in candidates:
        if face in taken_faces or track in taken_tracks:
            continue
        pairs.append((face, track))
        taken_faces.add(face)
        taken_tracks.add(track)
    return pairs


def smooth_along_tracks(probabilities: Tensor, tracks: list[int], window: int) -> Tensor:
    """Replace each face's probabilities by the mean over its neighbours on the track.

    Args:
        probabilities: (N, L), faces in the order of time.
        tracks: Track of each face.
        window: Odd number of faces that the mean goes over; at the ends the last face is repeated.

    Returns:
        Smoothed probabilities (N, L); a track of one face is unchanged.
    """
    members: dict[int, list[int]] = {}
    for index, track in enumerate(tracks):
        members.setdefault(track, []).append(index)
    smoothed = probabilities.clone()
    for indices in members.values():
        if window == 1 or len(indices) == 1:
            continue
        series = F.pad(probabilities[indices].T, (window // 2, window // 2), mode="replicate")
        smoothed[indices] = F.avg_pool1d(series, window, stride=1).T
    return smoothed
