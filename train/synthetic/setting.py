"""Where a rendered person is: what can be said for certain of the background that a finished picture shows."""

import colorsys

import numpy as np

SETTINGS: dict[str, tuple[str, str]] = {
    "dark": ("dark", "暗色"),
    "light": ("light", "亮色"),
    "red": ("red", "红色"),
    "orange": ("orange", "橙色"),
    "yellow": ("yellow", "黄色"),
    "green": ("green", "绿色"),
    "blue": ("blue", "蓝色"),
    "purple": ("purple", "紫色"),
}
"""English and Chinese words for a background."""
COLOURLESS = ("dark", "light")

_HUES = {
    "red": (345, 368),
    "orange": (18, 38),
    "yellow": (43, 65),
    "green": (95, 160),
    "blue": (205, 245),
    "purple": (262, 305),
}
"""Degrees, with gaps between the colours: what lies in a gap has no certain name. Red goes on past 360."""
_DARK_BELOW, _LIGHT_ABOVE = 85, 165
_COLOURED_FROM = 0.35
"""Least saturation of a colour that is named."""
_GREY_BELOW = 0.2
"""Greatest saturation of what is only dark or light."""
_LEAST_SHARE = 0.05
"""Of the picture that has to be background."""
_MOST_UNEVEN = 40.0
"""Greatest deviation (steps of 255) of a background that has one colour."""


def background_colour(picture: np.ndarray, cover: np.ndarray) -> str | None:
    """Names the colour of a background.

    Args:
        picture: uint8 (height, width, 3), as it will be seen.
        cover: uint8 or float (height, width), above 0 where something stands before the background.

    Returns:
        A key of `SETTINGS`; None where little of it is seen, where it is uneven, or between two names.
    """
    seen = picture[cover == 0]
    if len(seen) < _LEAST_SHARE * cover.size or seen.std(0).max() > _MOST_UNEVEN:
        return None
    hue, saturation, value = colorsys.rgb_to_hsv(*(seen.mean(0) / 255).tolist())
    if saturation >= _COLOURED_FROM and value * 255 > _DARK_BELOW:
        degrees = hue * 360 if hue * 360 >= 8 else hue * 360 + 360
        return next((name for name, (least, most) in _HUES.items() if least <= degrees <= most), None)
    if saturation > _GREY_BELOW and value * 255 > _DARK_BELOW:
        return None
    brightness = float(seen.mean())
    if brightness < _DARK_BELOW:
        return "dark"
    return "light" if brightness > _LIGHT_ABOVE else None
