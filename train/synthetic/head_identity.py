"""A random person: what the head looks like when it does nothing."""

from dataclasses import dataclass

import numpy as np

from emotion_qwen.train.synthetic.head_assets import target_names

SKIN_GROUPS = ("african", "asian", "caucasian")
"""The three groups of the asset's own identity targets; a person is a mixture led by one of them."""
SEXES = ("female", "male")

_SKIN_TONES = {
    "african": ((0.62, 0.43, 0.31), (0.28, 0.17, 0.12)),
    "asian": ((0.93, 0.77, 0.64), (0.72, 0.53, 0.39)),
    "caucasian": ((0.97, 0.82, 0.74), (0.80, 0.58, 0.46)),
}
_HAIR_COLOURS = {
    "african": ((0.06, 0.05, 0.05), (0.12, 0.09, 0.07)),
    "asian": ((0.06, 0.05, 0.05), (0.10, 0.08, 0.07), (0.20, 0.13, 0.09)),
    "caucasian": ((0.10, 0.07, 0.05), (0.22, 0.14, 0.09), (0.36, 0.24, 0.14), (0.62, 0.47, 0.28), (0.45, 0.20, 0.09)),
}
_GREY_HAIR = (0.68, 0.67, 0.65)
_IRIS_COLOURS = {
    "african": ((0.13, 0.08, 0.05), (0.20, 0.12, 0.07)),
    "asian": ((0.12, 0.08, 0.06), (0.22, 0.14, 0.08)),
    "caucasian": ((0.25, 0.38, 0.50), (0.28, 0.36, 0.24), (0.30, 0.19, 0.10), (0.38, 0.40, 0.40)),
}
_HAIR_STYLES = {
    "female": (("long", 0.5), ("bob", 0.25), ("tied", 0.15), ("short", 0.1)),
    "male": (("short", 0.6), ("cropped", 0.2), ("bald", 0.12), ("bob", 0.08)),
}
_FEATURES = ("nose", "mouth", "chin", "head", "forehead", "neck")
_PAIRED_FEATURES = ("cheek", "eyes", "ears")
_UNWANTED = ("trans-in", "trans-out", "head-trans", "epicanthus", "prognathism", "double-", "height")
"""Targets left out: they move a part to one side, or out of the range of ordinary faces."""

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Person:
    """Everything that makes one head differ from another.

    Attributes:
        identity: The seed it was drawn from; the same seed is the same person.
        sex: One of `SEXES`.
        age: Years.
        skin_group: One of `SKIN_GROUPS`, the largest share of the mixture.
        targets: Weight of each identity target.
        skin, lips, hair, iris, clothes: Colours, each channel in [0, 1].
        hair_style: "bald", "cropped", "short", "bob", "tied" or "long".
        hairline: How far the hairline lies above (below, if negative) its usual height, decimetres.
        fringe: How far hair falls over the forehead, decimetres.
        hair_front: How far forward long hair reaches, z of the base mesh.
        hair_length: Height (y of the base mesh) where long hair ends.
        brow_density, brow_thickness: 1 is usual.
        beard: 0 (none) to 1 (full).
        wrinkles: How strongly lines show on the resting face, 0 to 1.
        blotches: Unevenness of the skin, 0 to 1.
        neckline: Depth of the neckline, decimetres.
        lashes: Whether the eyelashes are drawn.
    """

    identity: int
    sex: str
    age: int
    skin_group: str
    targets: dict[str, float]
    skin: Colour
    lips: Colour
    hair: Colour
    iris: Colour
    clothes: Colour
    hair_style: str
    hairline: float
    fringe: float
    hair_front: float
    hair_length: float
    brow_density: float
    brow_thickness: float
    beard: float
    wrinkles: float
    blotches: float
    neckline: float
    lashes: bool


def sample_person(identity: int) -> Person:
    """Draws a person; the same number always gives the same one.

    Args:
        identity: Any non-negative integer.
    """
    rng = np.random.default_rng([identity, 0x1D])
    sex = str(rng.choice(SEXES))
    age = int(np.clip(rng.normal(36, 14), 18, 80))
    share = rng.dirichlet([0.35] * len(SKIN_GROUPS))
    group = SKIN_GROUPS[int(share.argmax())]
    share = 0.6 * share + 0.4 * (share == share.max())
    skin = _mixed_colour(rng, share)
    old = float(np.clip((age - 30) / 60, 0, 1))
    styles, chances = zip(*_HAIR_STYLES[sex], strict=True)
    hair_style = str(rng.choice(styles, p=chances))
    return Person(
        identity=identity,
        sex=sex,
        age=age,
        skin_group=group,
        targets=_macro_targets(rng, sex, share, old) | _feature_targets(rng),
        skin=skin,
        lips=_lip_colour(rng, skin, sex),
        hair=_hair_colour(rng, group, age),
        iris=_jittered(rng, _IRIS_COLOURS[group][rng.integers(len(_IRIS_COLOURS[group]))], 0.02),
        clothes=_colour(rng.uniform(0.04, 0.85) * (0.35 + 0.65 * rng.random(3))),
        hair_style=hair_style,
        hairline=float(rng.normal(0, 0.05) + (0.12 * old if sex == "male" else 0)),
        fringe=float(rng.uniform(0.1, 0.32)) if sex == "female" and rng.random() < 0.35 else 0.0,
        hair_front=float(rng.uniform(0.5, 0.95)),
        hair_length=float(rng.uniform(5.9, 6.6) if hair_style == "bob" else rng.uniform(3.0, 5.6)),
        brow_density=float(rng.uniform(0.55, 1.0)),
        brow_thickness=float(rng.uniform(0.7, 1.35) * (1.1 if sex == "male" else 0.85)),
        beard=float(rng.choice([0, rng.uniform(0.15, 0.5), rng.uniform(0.5, 1)], p=[0.5, 0.3, 0.2])) * (sex == "male"),
        wrinkles=float(np.clip(rng.normal(0.05, 0.05) + 0.5 * old, 0, 1)),
        blotches=float(rng.uniform(0.2, 1)),
        neckline=float(rng.uniform(0.0, 1.0)),
        lashes=bool(sex == "female" or rng.random() < 0.4),
    )


def _colour(channels: np.ndarray) -> Colour:
    red, green, blue = (round(float(channel), 4) for channel in np.clip(channels, 0.02, 0.98))
    return red, green, blue


def _jittered(rng: np.random.Generator, colour: Colour, spread: float) -> Colour:
    return _colour(np.array(colour) + rng.normal(0, spread, 3))


def _mixed_colour(rng: np.random.Generator, share: np.ndarray) -> Colour:
    """A skin tone between the lightest and darkest of each group, mixed by the shares."""
    dark = rng.random()
    tones = [(1 - dark) * np.array(_SKIN_TONES[g][0]) + dark * np.array(_SKIN_TONES[g][1]) for g in SKIN_GROUPS]
    return _colour(share @ np.array(tones) + rng.normal(0, 0.012, 3))


def _lip_colour(rng: np.random.Generator, skin: Colour, sex: str) -> Colour:
    natural = np.array(skin) * (0.86, 0.62, 0.62)
    if sex == "female" and rng.random() < 0.35:
        painted = np.array([rng.uniform(0.5, 0.75), rng.uniform(0.08, 0.3), rng.uniform(0.12, 0.3)])
        natural = 0.4 * natural + 0.6 * painted
    return _colour(natural * rng.uniform(0.92, 1.06))


def _hair_colour(rng: np.random.Generator, group: str, age: int) -> Colour:
    choices = _HAIR_COLOURS[group]
    colour = np.array(choices[rng.integers(len(choices))])
    grey = np.clip((age - 42) / 30, 0, 1) * rng.uniform(0.3, 1.0)
    return _colour(((1 - grey) * colour + grey * np.array(_GREY_HAIR)) * rng.normal(1, 0.06, 3))


def _macro_targets(rng: np.random.Generator, sex: str, share: np.ndarray, old: float) -> dict[str, float]:
    """Weights of the whole-body targets: group and sex by age, then build."""
    weights: dict[str, float] = {}
    ages = {"young": 1 - old, "old": old}
    build = rng.choice(["averageweight", "minweight", "maxweight"], p=[0.6, 0.2, 0.2])
    amount = 1.0 if build == "averageweight" else rng.uniform(0.2, 0.7)
    for name, age_share in ages.items():
        if age_share == 0:
            continue
        for group, group_share in zip(SKIN_GROUPS, share, strict=True):
            weights[f"macrodetails/{group}-{sex}-{name}"] = float(age_share * group_share)
        base = f"macrodetails/universal-{sex}-{name}-averagemuscle-"
        weights[base + "averageweight"] = float(age_share * (1 - amount))
        weights[base + build] = weights.get(base + build, 0.0) + float(age_share * amount)
    return {name: weight for name, weight in weights.items() if weight > 0}


def _feature_targets(rng: np.random.Generator) -> dict[str, float]:
    """Weights of a few targets of every part of the face; paired parts stay nearly alike on both sides."""
    weights: dict[str, float] = {}
    for category in _FEATURES:
        names = _wanted_targets(category)
        for name in rng.choice(names, size=min(3, len(names)), replace=False):
            weights[str(name)] = float(rng.uniform(0, 0.55))
    for category in _PAIRED_FEATURES:
        names = [name for name in _wanted_targets(category) if "/l-" in name]
        for name in rng.choice(names, size=3, replace=False):
            amount = rng.uniform(0, 0.55)
            for side in ("/l-", "/r-"):
                weights[str(name).replace("/l-", side)] = float(amount * rng.uniform(0.85, 1.15))
    for name in rng.choice(target_names("asym"), size=4, replace=False):
        if "asymm-" not in str(name):
            weights[str(name)] = float(rng.uniform(0, 0.3))
    return weights


def _wanted_targets(category: str) -> list[str]:
    return [name for name in target_names(category) if not any(word in name for word in _UNWANTED)]
