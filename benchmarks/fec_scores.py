"""Counts key frames and tracks against the exact truth of rendered clips of one to three people."""

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
import torch
from torchvision.ops import box_iou

from emotion_qwen.processing import FaceCapture, FacialEmotionCapture
from emotion_qwen.processing.face_capture import Face
from emotion_qwen.processing.key_frames import Peak
from emotion_qwen.train.synthetic.groups import MOST_PEOPLE, SCENES, GroupClip, Member, sample_group
from emotion_qwen.train.synthetic.head_identity import sample_person
from emotion_qwen.train.synthetic.head_model import build_head

TOLERANCE = 1
"""A key frame this many sampled frames (at 3 a second) from an apex has found it."""
SEEN_FROM = 0.6
"""An apex counts if at least this share of the face is visible then."""
FOUND_FROM = 0.3
"""A found face is compared with those of which more than this share is visible."""
SAME_FROM = 0.2
"""A found face is somebody's if it overlaps theirs by more than this (intersection over union)."""

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


def sample_groups(clips: int, seed: int, first_identity: int) -> list[GroupClip]:
    """Renders clips of one, two and three people in turn, through all scenes, every person once.

    Args:
        clips: How many.
        seed: Of everything but what people look like.
        first_identity: Number of the first person; the others follow.
    """
    made = []
    identity = first_identity
    for number in range(clips):
        people = 1 + number % MOST_PEOPLE
        heads = [build_head(sample_person(identity + offset)) for offset in range(people)]
        identity += people
        scene = SCENES[number // MOST_PEOPLE % len(SCENES)]
        made.append(sample_group(np.random.default_rng([seed, number]), heads, scene))
    return made


def captured(clips: list[GroupClip], **settings: float) -> list[FaceCapture]:
    """Run Facial Emotion Capture over clips with some settings changed."""
    fec = FacialEmotionCapture(**settings)
    return [fec.capture(torch.from_numpy(clip.frames).permute(0, 3, 1, 2), fps=clip.fps) for clip in clips]


def whose(clip: GroupClip, frame: int, face: Face) -> Member | None:
    """Find the member whose visible face a found face overlaps most; None if there is none."""
    overlaps = [
        (float(box_iou(torch.tensor([face.box]), torch.tensor([member.face_boxes[frame]]))), -number)
        for number, member in enumerate(clip.members)
        if member.visible[frame] > FOUND_FROM
    ]
    best, number = max(overlaps, default=(0.0, 0))
    return clip.members[-number] if best > SAME_FROM else None


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
