"""Random framing and light for training pictures: what makes few rendered pictures look like many photographs."""

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from emotion_qwen.processing.face_capture import Box


@dataclass(frozen=True)
class Augmentation:
    """How a training picture is changed before the model sees it.

    Attributes:
        sides: Sides of the square frames (pixels) that one is drawn from.
        face_height: Least and greatest height of the face in a frame, over the frame's side. A frame never reaches
            far beyond its picture: where the face would have to be smaller, it stays larger.
        mirror: Chance of mirroring.
        brightness: Largest change of the exposure, as a share.
        contrast: Largest change of the contrast, as a share.
        balance: Largest gain of a colour channel, as a share.
        grey: Chance of losing the colour altogether.
        noise: Largest deviation of the noise, as a share of white.
    """

    sides: tuple[int, ...] = (80,)
    face_height: tuple[float, float] = (0.6, 1.0)
    mirror: float = 0.5
    brightness: float = 0.3
    contrast: float = 0.4
    balance: float = 0.15
    grey: float = 0.2
    noise: float = 0.05

    def __post_init__(self) -> None:
        object.__setattr__(self, "sides", tuple(self.sides))
        object.__setattr__(self, "face_height", tuple(self.face_height))

    def eased(self, share: float) -> "Augmentation":
        """A part of these changes, down to none but mirroring: faces then fill the frame and keep their light.

        Args:
            share: 0 for none, 1 for all of them.
        """
        least, most = self.face_height
        return replace(
            self,
            face_height=(most - share * (most - least), most),
            brightness=share * self.brightness,
            contrast=share * self.contrast,
            balance=share * self.balance,
            grey=share * self.grey,
            noise=share * self.noise,
        )


def augment_face(
    picture: np.ndarray, box: Box, rng: np.random.Generator, settings: Augmentation
) -> tuple[np.ndarray, Box]:
    """Frames a face anew and changes the light.

    Args:
        picture: uint8 (height, width, 3).
        box: The face: x0, y0, x1, y1 in pixels.
        rng: Source of randomness.
        settings: How much of what.

    Returns:
        uint8 (side, side, 3), and where the face is in it.
    """
    view = sample_view(box, picture.shape[:2], rng, settings)
    return change_light(view.show(picture), rng, settings), view.box_of(box)


@dataclass(frozen=True)
class SquareView:
    """A square that is cut out of frames and resized.

    Attributes:
        left: Of the square in the frame, pixels; it may lie outside.
        top: Likewise.
        cut: Its side in the frame, pixels.
        side: Side of what is shown, pixels.
        mirrored: Whether left and right change places.
    """

    left: float
    top: float
    cut: float
    side: int
    mirrored: bool

    def show(self, picture: np.ndarray) -> np.ndarray:
        """Cuts the square out (antialiased); beyond the picture its edges repeat.

        Args:
            picture: uint8 (height, width, 3).

        Returns:
            uint8 (side, side, 3).
        """
        left, top, cut = self.left, self.top, self.cut
        height, width = picture.shape[:2]
        pad = int(np.ceil(max(0.0, -left, -top, left + cut - width, top + cut - height)))
        if pad:
            picture = np.pad(picture, ((pad, pad), (pad, pad), (0, 0)), mode="edge")
        window = (left + pad, top + pad, left + pad + cut, top + pad + cut)
        shown = Image.fromarray(picture).resize((self.side, self.side), Image.Resampling.BILINEAR, box=window)
        return np.asarray(shown)[:, ::-1] if self.mirrored else np.asarray(shown)

    def box_of(self, box: Box) -> Box:
        """Where a box of the picture is in what is shown, pixels, as far as it lies within."""
        scale = self.side / self.cut
        corners = zip(box, (self.left, self.top, self.left, self.top), strict=True)
        x0, y0, x1, y1 = (float(np.clip((edge - start) * scale, 0, self.side)) for edge, start in corners)
        return (self.side - x1, y0, self.side - x0, y1) if self.mirrored else (x0, y0, x1, y1)


def sample_view(box: Box, frame_size: tuple[int, int], rng: np.random.Generator, settings: Augmentation) -> SquareView:
    """Draws a square with the face somewhere in it.

    Args:
        box: The face: x0, y0, x1, y1 in pixels.
        frame_size: Height and width of the frame that it is in, pixels.
        rng: Source of randomness.
        settings: How much of what.
    """
    x0, y0, x1, y1 = box
    side = int(rng.choice(settings.sides))
    face = max(x1 - x0, y1 - y0, 1.0)
    cut = min(face / rng.uniform(*settings.face_height), 1.15 * max(frame_size))
    room = max(cut - face, 0.04 * cut) / 2
    left = (x0 + x1) / 2 - cut / 2 + rng.uniform(-room, room)
    top = (y0 + y1) / 2 - cut / 2 + rng.uniform(-room, room)
    return SquareView(left, top, cut, side, bool(rng.random() < settings.mirror))


def change_light(picture: np.ndarray, rng: np.random.Generator, settings: Augmentation) -> np.ndarray:
    """Changes exposure, white balance, contrast, colour and noise.

    Args:
        picture: uint8 (..., height, width, 3); the frames of a clip all change alike, but for the noise.
        rng: Source of randomness.
        settings: How much of what.

    Returns:
        An array of the same kind.
    """
    share = rng.uniform(-1, 1, 5)
    gain = (1 + settings.brightness * share[0]) * (1 + settings.balance * share[1:4])
    values = picture.astype(np.float32) * gain.astype(np.float32)
    mean = values.mean()
    values = (values - mean) * np.float32(1 + settings.contrast * share[4]) + mean
    if rng.random() < settings.grey:
        values = np.repeat(values.mean(-1, keepdims=True), 3, axis=-1)
    noise = rng.uniform(0, settings.noise) * 255
    values = values + rng.standard_normal(values.shape, dtype=np.float32) * np.float32(noise)
    return (values + 0.5).clip(0, 255).astype(np.uint8)
