"""Clips of one to three people, each with expressions of their own, who move, cross, are hidden, leave, or are cut."""

from dataclasses import dataclass, field, replace

import numpy as np

from emotion_qwen.inference.prompts import EMOTION_LABELS
from emotion_qwen.train.synthetic.backgrounds import sample_background
from emotion_qwen.train.synthetic.clip_lengths import CLIP_FPS
from emotion_qwen.train.synthetic.head_identity import Person
from emotion_qwen.train.synthetic.head_model import HeadModel
from emotion_qwen.train.synthetic.head_renderer import Box, Light, View, over_background, render_head
from emotion_qwen.train.synthetic.performance import ClipEvent, Performance, plan_events, sample_blinks
from emotion_qwen.train.synthetic.photo_effects import apply_photo_effects, sample_photo_effects
from emotion_qwen.train.synthetic.stills import clipped_box, sample_gaze, sample_light, sample_view

SCENES = ("still", "crossing", "hidden", "leaving", "cut")
"""All stay; two change places; a post passes in front of all; one walks out; the camera and all places change."""
_EXPRESSIONS_EACH = {1: (1, 2, 3), 2: (1, 2), 3: (1,)}
"""How many expressions each of so many people may show in a clip."""
MOST_PEOPLE = max(_EXPRESSIONS_EACH)
_FRAMES_PER_EXPRESSION = 6
_POST_WIDTH = 0.35
"""Of the passing post, frame heights."""


@dataclass(frozen=True)
class Member:
    """One person of a group and the truth about them.

    Attributes:
        person: Who.
        events: In order of time.
        face_boxes: Per frame x0, y0, x1, y1, pixels, within the frame; None where the face is outside.
        visible: Per frame the share of the face box that is within the frame and not hidden by what is nearer.
    """

    person: Person
    events: tuple[ClipEvent, ...]
    face_boxes: tuple[Box | None, ...]
    visible: tuple[float, ...]

    def shown(self, frame: int) -> str:
        """The emotion that is under way at a frame, or neutral."""
        return next((event.expression.label for event in self.events if event.level(frame) > 0), "neutral")


@dataclass(frozen=True)
class GroupClip:
    """A clip of several people and its truth.

    Attributes:
        frames: uint8 (T, H, W, 3) RGB.
        fps: Frames a second.
        members: From the left to the right, but where the scene is a cut.
        scene: One of `SCENES`.
        cuts: Frames that begin a new shot.
    """

    frames: np.ndarray
    fps: float
    members: tuple[Member, ...]
    scene: str
    cuts: tuple[int, ...]


@dataclass
class _Actor:
    """A head with its performance, and what is recorded of it while the clip is rendered."""

    head: HeadModel
    performance: Performance
    boxes: list[Box | None] = field(default_factory=list)
    visible: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class _Shot:
    """What one camera sees: its background and light, and per actor the view at the clip's first and last frame."""

    background: np.ndarray
    light: Light
    starts: tuple[View, ...]
    ends: tuple[View, ...]


def sample_group(
    rng: np.random.Generator,
    heads: list[HeadModel],
    scene: str,
    frames: int = 18,
    fps: float = CLIP_FPS,
    size: tuple[int, int] = (192, 336),
    face_height: tuple[float, float] = (0.3, 0.45),
) -> GroupClip:
    """Renders a clip of a group; the same arguments give the same frames.

    Args:
        rng: Source of randomness: of the expressions too.
        heads: One to three people, from the left to the right.
        scene: One of `SCENES`; one person alone can't cross and stays.
        frames: Number of frames.
        fps: Frames a second.
        size: Height and width, pixels.
        face_height: Least and greatest height of a face box over that of the frame.

    Raises:
        ValueError: another number of people, or an unknown scene.
    """
    if len(heads) not in _EXPRESSIONS_EACH:
        raise ValueError(f"A group has 1 to {MOST_PEOPLE} people, not {len(heads)}")
    if scene not in SCENES:
        raise ValueError(f"Unknown scene {scene!r}: one of {', '.join(SCENES)}")
    actors = [_Actor(head, _sample_performance(rng, len(heads), frames, fps)) for head in heads]
    cuts = (int(rng.integers(frames // 3, 2 * frames // 3)),) if scene == "cut" else ()
    shots = [_sample_shot(rng, len(heads), scene, size, face_height) for _ in range(1 + len(cuts))]
    effects = sample_photo_effects(rng)
    pictures = []
    for frame in range(frames):
        shot = shots[sum(frame >= cut for cut in cuts)]
        picture = _render(actors, shot, frame, frames, post=scene == "hidden")
        pictures.append(np.asarray(apply_photo_effects(picture, effects, rng)))
    members = tuple(
        Member(actor.head.person, actor.performance.events, tuple(actor.boxes), tuple(actor.visible))
        for actor in actors
    )
    return GroupClip(np.stack(pictures), fps, members, scene, cuts)


def _sample_performance(rng: np.random.Generator, people: int, frames: int, fps: float) -> Performance:
    count = min(int(rng.choice(_EXPRESSIONS_EACH[people])), frames // _FRAMES_PER_EXPRESSION)
    shown = [label for label in EMOTION_LABELS if label != "neutral"]
    labels = rng.choice(shown, count, replace=False).tolist()
    length = int(rng.integers(_FRAMES_PER_EXPRESSION * count, frames + 1))
    events = plan_events(rng, labels, length, start=int(rng.integers(0, frames - length + 1)))
    blinks, phases = sample_blinks(rng, frames / fps), rng.uniform(0, 2 * np.pi, 3)
    return Performance(events, fps, sample_gaze(rng), blinks, phases)


def _sample_shot(
    rng: np.random.Generator, people: int, scene: str, size: tuple[int, int], face_height: tuple[float, float]
) -> _Shot:
    """Places people side by side, and plans where they go."""
    width = size[1] / size[0]
    places = (np.arange(people) + 0.5) / people * width - width / 2
    if scene == "cut":
        places = rng.permutation(places)
    views = []
    for place in places.tolist():
        view = sample_view(rng, face_height)
        views.append(replace(view, shift=(place + float(rng.uniform(-0.05, 0.05)), float(rng.uniform(-0.12, 0.0)))))
    ends = list(views)
    if scene == "crossing" and people > 1:
        first = int(rng.integers(people - 1))
        ends[first], ends[first + 1] = (
            replace(views[first], shift=(views[first + 1].shift[0], views[first].shift[1])),
            replace(views[first + 1], shift=(views[first].shift[0], views[first + 1].shift[1])),
        )
    if scene == "leaving":
        leaver = int(rng.choice([0, people - 1]))
        side = -1 if leaver == 0 and people > 1 else 1
        ends[leaver] = replace(views[leaver], shift=(side * (width / 2 + 0.5), views[leaver].shift[1]))
    return _Shot(sample_background(rng, size), sample_light(rng), tuple(views), tuple(ends))


def _render(actors: list[_Actor], shot: _Shot, frame: int, frames: int, post: bool) -> np.ndarray:
    """Renders one frame, the smallest head (the farthest) first, and records what is seen of each face."""
    size = shot.background.shape[:2]
    share = frame / max(frames - 1, 1)
    picture = shot.background
    layers: list[tuple[_Actor, Box | None, np.ndarray]] = []
    order = sorted(range(len(actors)), key=lambda number: shot.starts[number].scale)
    for number in order:
        actor, start, end = actors[number], shot.starts[number], shot.ends[number]
        x = start.shift[0] + share * (end.shift[0] - start.shift[0])
        view = actor.performance.view(replace(start, shift=(x, start.shift[1])), frame)
        rendered = render_head(actor.head, actor.performance.units(frame), view, shot.light, size)
        picture = over_background(rendered.rgba, picture)
        box = clipped_box(rendered)
        is_inside = box[0] < box[2] and box[1] < box[3]
        layers.append((actor, box if is_inside else None, rendered.rgba[..., 3] > 127))
        _record_area(layers[-1], rendered.face_box)
    if post:
        picture, hides = _with_post(picture, share)
        _hide(layers, hides)
    for depth, (_, _, cover) in enumerate(layers):
        _hide(layers[:depth], cover)
    return picture


def _record_area(layer: tuple[_Actor, Box | None, np.ndarray], face_box: Box) -> None:
    """Records the box, and the share of it that lies within the frame."""
    actor, box, _ = layer
    actor.boxes.append(box)
    actor.visible.append(0.0 if box is None else min(_area(box) / _area(face_box), 1.0))


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _hide(layers: list[tuple[_Actor, Box | None, np.ndarray]], cover: np.ndarray) -> None:
    """Takes from what is seen of each face the share of its box that a nearer layer covers."""
    for actor, box, _ in layers:
        if box is None:
            continue
        left, top, right, bottom = (round(edge) for edge in box)
        hidden = cover[top : max(bottom, top + 1), left : max(right, left + 1)]
        actor.visible[-1] *= 1 - float(hidden.mean()) if hidden.size else 0.0


def _with_post(picture: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Lays a dark post over a picture, from beyond the left edge at share 0 to beyond the right edge at 1."""
    height, width = picture.shape[:2]
    post = _POST_WIDTH * height
    left = share * (width + post) - post
    columns = np.arange(width)
    cover = np.broadcast_to((columns >= left) & (columns < left + post), (height, width))
    shaded = 60 + 25 * np.cos((columns - left) / post * np.pi)
    return np.where(cover[..., None], shaded[None, :, None], picture).astype(np.uint8), cover
