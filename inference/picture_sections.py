"""A picture made of sections, one below the other."""

from collections.abc import Sequence

from PIL import Image

from .palette import PAPER


def stack_sections(sections: Sequence[Image.Image], width: int, margin: int, gap: int) -> Image.Image:
    """Stack sections on paper.

    Args:
        sections: From top to bottom.
        width: Of the picture, pixels.
        margin: Around all of them, pixels.
        gap: Between two, pixels.

    Returns:
        An RGB picture, as high as it needs to be.
    """
    height = 2 * margin + sum(section.height for section in sections) + gap * (len(sections) - 1)
    picture = Image.new("RGB", (width, height), PAPER)
    top = margin
    for section in sections:
        picture.paste(section, (margin, top))
        top += section.height + gap
    return picture
