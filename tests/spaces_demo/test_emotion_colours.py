"""People with any color blindness tell the page's emotions apart: colors as simulated by Machado et al. (2009)."""

import re
from itertools import combinations

import numpy as np
import pytest
from skimage.color import rgb2lab

from emotion_qwen.inference.palette import emotion_color
from emotion_qwen.inference.prompts import EMOTION_LABELS

from .space_process import ROOT

CLEARLY_APART = 16
"""Least CIE76 distance; below 10 two areas beside each other are taken for one."""
SIMULATED = {
    "none": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
"""What becomes of linear RGB where a kind of cones is missing."""


def page_colours(theme: str) -> dict[str, str]:
    css = (ROOT / "spaces_demo" / "style.css").read_text(encoding="utf-8")
    blocks = {"light": [":root"], "dark": [":root", ".dark"]}[theme]
    declared = " ".join(re.search(rf"^{re.escape(block)} {{(.*?)}}", css, re.M | re.S)[1] for block in blocks)
    found = dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6})", declared))
    return {label: found[label] for label in EMOTION_LABELS}


def seen(colour: str, kind: str) -> np.ndarray:
    """CIELAB of a color as it is seen."""
    srgb = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.array(SIMULATED[kind]) @ linear, 0, 1)
    return rgb2lab(np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055))


@pytest.mark.parametrize("kind", SIMULATED)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_two_emotions_look_alike(theme, kind):
    colours = page_colours(theme)
    distances = {
        pair: float(np.linalg.norm(seen(colours[pair[0]], kind) - seen(colours[pair[1]], kind)))
        for pair in combinations(EMOTION_LABELS, 2)
    }
    nearest = min(distances, key=distances.get)
    assert distances[nearest] > CLEARLY_APART, (nearest, distances[nearest])


def test_the_evidence_picture_has_the_page_s_colours():
    assert {label: emotion_color(label) for label in EMOTION_LABELS} == page_colours("light")
