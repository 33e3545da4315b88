"""Render a clip of two people and draw what Facial Emotion Capture makes of it; writes fec_picture.png.

python benchmarks/fec_picture.py --output benchmarks/fec_picture.png
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

from emotion_qwen.inference import TimelinePoint
from emotion_qwen.inference.emotion_curves import draw_curves, draw_number
from emotion_qwen.inference.face_marks import draw_box, draw_landmarks
from emotion_qwen.inference.palette import INK, MUTED, PAPER, emotion_color
from emotion_qwen.inference.picture_sections import stack_sections
from emotion_qwen.inference.typeface import Typeface
from emotion_qwen.processing import FaceCapture, FacialEmotionCapture
from emotion_qwen.processing.face_capture import KeyFrame
from emotion_qwen.train.synthetic.groups import sample_group
from emotion_qwen.train.synthetic.head_identity import sample_person
from emotion_qwen.train.synthetic.head_model import build_head

FIRST_PERSON = 1_000_000
"""Number of the first person whom no training data shows."""
FRAME_SIZE = (288, 512)
FACE_HEIGHT = (0.45, 0.6)

WIDTH, MARGIN, GAP = 1280, 32, 16
CONTENT = WIDTH - 2 * MARGIN
TITLE, HEADING, BODY = 30, 21, 17
STRIP_FRAMES = 6
THUMB, CURVES_HEIGHT = 150, 200
MAX_TILE = 400
CHIP, SMALL_CHIP = 26, 19


@dataclass(frozen=True)
class Seen:
    """A clip and what was captured in it.

    Attributes:
        frames: uint8 RGB (T, 3, H, W).
        capture: Faces, tracks and key frames.
        masked: uint8 RGB (K, 3, H, W).
        names: Letter of each track, from the left to the right.
    """

    frames: torch.Tensor
    capture: FaceCapture
    masked: torch.Tensor
    names: dict[int, str]


def see(seed: int) -> Seen:
    """Render a clip of two people, and capture it with the default settings."""
    heads = [build_head(sample_person(FIRST_PERSON + 2 * seed + offset)) for offset in range(2)]
    clip = sample_group(np.random.default_rng(seed), heads, "still", size=FRAME_SIZE, face_height=FACE_HEIGHT)
    frames = torch.from_numpy(clip.frames).permute(0, 3, 1, 2).contiguous()
    fec = FacialEmotionCapture()
    capture = fec.capture(frames, fps=clip.fps)
    lefts = {track: np.mean([face.box[0] for face in faces_of(capture, track)]) for track in capture.tracks}
    names = {track: chr(ord("A") + place) for place, track in enumerate(sorted(lefts, key=lefts.__getitem__))}
    return Seen(frames, capture, fec.mask(frames, capture), names)


def faces_of(capture: FaceCapture, track: int) -> list:
    """Return a person's faces in the order of time."""
    return [face for faces in capture.faces for face in faces if face.track == track]


def draw(seen: Seen) -> Image.Image:
    """Draw the clip, each person's emotions over time, the key frames, and what the model sees of them."""
    sections = [_title(), _strip(seen), *(_person(seen, track) for track in seen.names), _key_frames(seen)]
    return stack_sections(sections, WIDTH, MARGIN, GAP)


def _title() -> Image.Image:
    section = Image.new("RGB", (CONTENT, TITLE + 12), PAPER)
    origin = "rendered people; embedded backend, default settings"
    _write(section, (CONTENT - round(Typeface().width(origin, BODY)), TITLE - BODY), origin, BODY, MUTED)
    _write(section, (0, 0), "Facial Emotion Capture: who shows what, and when", TITLE, INK)
    return section


def _strip(seen: Seen) -> Image.Image:
    """A few frames of the clip, with the people named."""
    width = (CONTENT - (STRIP_FRAMES - 1) * GAP) // STRIP_FRAMES
    tiles = []
    for index in np.linspace(0, len(seen.frames) - 1, STRIP_FRAMES).round().astype(int).tolist():
        tile = _scaled(seen.frames[index], width)
        scale = width / seen.frames.shape[-1]
        for face in seen.capture.faces[index]:
            box = [round(edge * scale) for edge in face.box]
            ImageDraw.Draw(tile).rectangle(box, outline=PAPER, width=2)
            _name_above(tile, seen.names[face.track], box, SMALL_CHIP)
        tiles.append(_captioned(tile, f"{seen.capture.timestamps[index]:.2f} s"))
    seconds = seen.capture.timestamps[-1]
    return _row(f"1. Find the faces and follow them: {len(seen.frames)} frames in {seconds:.1f} seconds", tiles)


def _person(seen: Seen, track: int) -> Image.Image:
    """A person's face beside their emotions over time."""
    capture, name = seen.capture, seen.names[track]
    is_first = name == "A"
    top = HEADING + 14 if is_first else 0
    section = Image.new("RGB", (CONTENT, top + CURVES_HEIGHT), PAPER)
    if is_first:
        _write(section, (0, 0), "2. Read each person's emotions, and choose the peaks", HEADING, INK)
        _legend(section, capture)
    frame = capture.tracks[track][0]
    crop = _picture(seen.frames[frame]).crop([round(edge) for edge in faces_of(capture, track)[0].box])
    crop.thumbnail((THUMB, CURVES_HEIGHT - 20))
    section.paste(crop, (0, top + (CURVES_HEIGHT - crop.height) // 2))
    _name(section, name, (0, top + (CURVES_HEIGHT - crop.height) // 2))
    points = [
        TimelinePoint(time, dict(zip(capture.labels, row, strict=True)))
        for time, row in zip(capture.timestamps, capture.timeline(track), strict=True)
    ]
    markers = [(key.time, key.label) for key in _of(seen, track)]
    typeface = Typeface()
    section.paste(draw_curves(points, markers, (CONTENT - THUMB - GAP, CURVES_HEIGHT), typeface), (THUMB + GAP, top))
    return section


def _legend(section: Image.Image, capture: FaceCapture) -> None:
    right = CONTENT
    for label in reversed(capture.labels):
        right -= round(Typeface().width(label, BODY))
        _write(section, (right, 2), label, BODY, INK)
        ImageDraw.Draw(section).rectangle([right - 20, 5, right - 7, 18], fill=emotion_color(label))
        right -= 36


def _key_frames(seen: Seen) -> Image.Image:
    """The key frames, and below each its masked copy."""
    key_frames = seen.capture.key_frames
    width = min(MAX_TILE, (CONTENT - (len(key_frames) - 1) * GAP) // max(1, len(key_frames)))
    tiles = [_key_frame(seen, key_frame, width) for key_frame in key_frames]
    masked = [_scaled(frame, width) for frame in seen.masked]
    rows = [
        _row("3. Key frames: each person's emotion at its height", tiles),
        _row("4. Masked key frames: what the model sees after the clip itself", masked),
    ]
    section = Image.new("RGB", (CONTENT, sum(row.height for row in rows) + GAP), PAPER)
    section.paste(rows[0], (0, 0))
    section.paste(rows[1], (0, rows[0].height + GAP))
    return section


def _key_frame(seen: Seen, key_frame: KeyFrame, width: int) -> Image.Image:
    tile = _scaled(seen.frames[key_frame.frame], width)
    scale = width / seen.frames.shape[-1]
    owner = key_frame.tracks[0]
    for face in seen.capture.faces[key_frame.frame]:
        color = emotion_color(key_frame.label) if face.track == owner else MUTED
        draw_box(tile, [edge * scale for edge in face.box], color)
        draw_landmarks(tile, face.landmarks, scale, color)
        _name_above(tile, seen.names[face.track], [edge * scale for edge in face.box], CHIP)
    caption = f"{key_frame.time:.2f} s   {key_frame.label} {key_frame.confidence:.0%}"
    captioned = _captioned(tile, caption, indent=2 * CHIP + 16)
    _name(captioned, seen.names[owner], (0, tile.height + 4))
    number = 1 + _of(seen, owner).index(key_frame)
    draw_number(captioned, (CHIP + 18, tile.height + 4 + CHIP / 2), number, key_frame.label, Typeface())
    return captioned


def _of(seen: Seen, track: int) -> list[KeyFrame]:
    """Return the key frames that were chosen for a person."""
    return [key_frame for key_frame in seen.capture.key_frames if key_frame.tracks[0] == track]


def _row(heading: str, tiles: list[Image.Image]) -> Image.Image:
    top = HEADING + 14
    section = Image.new("RGB", (CONTENT, top + max(tile.height for tile in tiles)), PAPER)
    _write(section, (0, 0), heading, HEADING, INK)
    left = 0
    for tile in tiles:
        section.paste(tile, (left, top))
        left += tile.width + GAP
    return section


def _captioned(tile: Image.Image, caption: str, indent: int = 0) -> Image.Image:
    whole = Image.new("RGB", (tile.width, tile.height + CHIP + 8), PAPER)
    whole.paste(tile, (0, 0))
    _write(whole, (indent, tile.height + 7), caption, BODY, INK if indent else MUTED)
    return whole


def _name(picture: Image.Image, name: str, corner: tuple[float, float], side: int = CHIP) -> None:
    """Write a person's letter on a dark square."""
    left, top = max(0, round(corner[0])), max(0, round(corner[1]))
    pen = ImageDraw.Draw(picture)
    pen.rectangle([left, top, left + side - 1, top + side - 1], fill=INK)
    font = Typeface().font(round(side * BODY / CHIP))
    pen.text((left + side / 2, top + side / 2), name, fill=PAPER, font=font, anchor="mm")


def _name_above(picture: Image.Image, name: str, box: Sequence[float], side: int) -> None:
    """Write a person's letter at the upper edge of their box."""
    _name(picture, name, ((box[0] + box[2] - side) / 2, box[1] - side), side)


def _write(picture: Image.Image, corner: tuple[float, float], text: str, size: int, color: str) -> None:
    ImageDraw.Draw(picture).text(corner, text, fill=color, font=Typeface().font(size))


def _scaled(frame: torch.Tensor, width: int) -> Image.Image:
    picture = _picture(frame)
    return picture.resize((width, round(picture.height * width / picture.width)), Image.Resampling.LANCZOS)


def _picture(frame: torch.Tensor) -> Image.Image:
    return Image.fromarray(frame.permute(1, 2, 0).contiguous().numpy())


def main() -> None:
    """Render, capture, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=287, help="of the people and what they do")
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    draw(see(arguments.seed)).save(arguments.output, optimize=True)


if __name__ == "__main__":
    main()
