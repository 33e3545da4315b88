"""Boxes and landmarks, drawn so that they are visible on any picture."""

from collections.abc import Sequence

from PIL import Image, ImageDraw

from .palette import FACE_HALO, INK


def draw_box(picture: Image.Image, box: Sequence[float], color: str) -> None:
    """Draw a face's box.

    Args:
        picture: RGB picture to draw on.
        box: left, top, right, bottom in pixels.
        color: As `#rrggbb`.
    """
    draw = ImageDraw.Draw(picture)
    left, top, right, bottom = box
    draw.rectangle([left - 2, top - 2, right + 2, bottom + 2], outline=FACE_HALO, width=6)
    draw.rectangle([left, top, right, bottom], outline=color, width=3)


def draw_thin_box(picture: Image.Image, box: Sequence[float]) -> None:
    """Draw the box of a face other than the key frame's own: thin, and in no emotion's color.

    Args:
        picture: RGB picture to draw on.
        box: left, top, right, bottom in pixels.
    """
    draw = ImageDraw.Draw(picture)
    left, top, right, bottom = box
    draw.rectangle([left - 1, top - 1, right + 1, bottom + 1], outline=FACE_HALO, width=3)
    draw.rectangle([left, top, right, bottom], outline=INK, width=1)


def draw_landmarks(picture: Image.Image, landmarks: Sequence[Sequence[float]], scale: float, color: str) -> None:
    """Draw a face's landmarks as dots.

    Args:
        picture: RGB picture to draw on.
        landmarks: x, y of each, in pixels of the frame that the picture was made from.
        scale: Pixels of the picture per pixel of the frame.
        color: As `#rrggbb`.
    """
    draw = ImageDraw.Draw(picture)
    for x, y in landmarks:
        draw.circle((x * scale, y * scale), 5, fill=FACE_HALO)
        draw.circle((x * scale, y * scale), 3, fill=color)
