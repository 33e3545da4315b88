"""What a camera does to a picture: white balance, exposure, contrast, blur, noise and JPEG."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter


@dataclass(frozen=True)
class PhotoEffects:
    """One camera's treatment.

    Attributes:
        balance: Gain of each channel.
        gamma: Below 1 brightens, above 1 darkens.
        contrast: Around middle grey; 1 leaves it.
        saturation: 0 is grey, 1 leaves it.
        blur: Radius in pixels.
        noise: Deviation in steps of 255.
        jpeg_quality: 1 to 95.
    """

    balance: tuple[float, float, float]
    gamma: float
    contrast: float
    saturation: float
    blur: float
    noise: float
    jpeg_quality: int


def sample_photo_effects(rng: np.random.Generator) -> PhotoEffects:
    """Draws effects: mild mostly, one in eight without colour."""
    red, green, blue = (float(gain) for gain in rng.uniform(0.9, 1.1, 3))
    return PhotoEffects(
        balance=(red, green, blue),
        gamma=float(rng.uniform(0.65, 1.15)),
        contrast=float(rng.uniform(0.75, 1.2)),
        saturation=0.0 if rng.random() < 0.12 else float(rng.uniform(0.6, 1.2)),
        blur=float(rng.choice([0.0, rng.uniform(0.2, 0.9)])),
        noise=float(rng.choice([0.0, rng.uniform(0, 7)])),
        jpeg_quality=int(rng.integers(65, 95)),
    )


def apply_photo_effects(picture: np.ndarray, effects: PhotoEffects, rng: np.random.Generator) -> Image.Image:
    """Treats a picture; JPEG itself happens when it is saved with `effects.jpeg_quality`.

    Args:
        picture: uint8 (height, width, 3).
        effects: What to do.
        rng: Source of the noise.
    """
    if effects.blur > 0:
        picture = np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(effects.blur)))
    levels = np.linspace(0, 1, 256, dtype=np.float32) ** effects.gamma
    values = np.stack([(levels * np.float32(gain)).take(picture[..., i]) for i, gain in enumerate(effects.balance)])
    grey = values.mean(0)
    values = grey + (values - grey) * effects.saturation
    values = (values - 0.5) * effects.contrast + 0.5
    if effects.noise > 0:
        noise = rng.normal(0, effects.noise / 255, picture.shape)
        values += np.moveaxis(noise, -1, 0).astype(np.float32)
    treated = (values * 255 + 0.5).clip(0, 255).astype(np.uint8)
    return Image.fromarray(np.moveaxis(treated, 0, -1).copy(), "RGB")
