"""Pictures from files and PIL to upright RGB."""

import os
import warnings
from pathlib import Path
from urllib.parse import urlparse

import PIL.Image
import PIL.ImageOps
import torch
from huggingface_hub.utils import httpx
from torch import Tensor
from torchvision.transforms.v2.functional import pil_to_tensor
from transformers.image_utils import load_image_as_tensor

from .video_decoding import MediaError, shown_name, unfetched

STILL_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".jfif", ".avif"}
)

_ANIMATED_FORMATS = {"GIF", "WEBP", "PNG", "AVIF"}  # several pictures in other formats are pages or previews


def is_still(source: object) -> bool:
    """Tell by its suffix whether a string or path names a still picture; a data URL of an image counts."""
    if not isinstance(source, str | os.PathLike):
        return False
    name = os.fspath(source)
    return name.startswith("data:image/") or Path(urlparse(name).path).suffix.lower() in STILL_SUFFIXES


def is_still_file(path: Path) -> bool:
    """Tell a still from a clip by the file's content, since names may be wrong.

    Raises:
        MediaError: If it is a picture that can't be opened.
    """
    if not os.path.isfile(path):  # unlike Path.is_file, also where the name is too long to ask
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PIL.Image.DecompressionBombWarning)
            with PIL.Image.open(path) as image:
                return image.format not in _ANIMATED_FORMATS or not getattr(image, "is_animated", False)
    except PIL.UnidentifiedImageError:
        return False
    except PermissionError as error:
        raise MediaError(f"{str(path)!r} can't be opened: permission denied.") from error
    except (OSError, SyntaxError, ValueError, PIL.Image.DecompressionBombError) as error:
        raise MediaError(f"{str(path)!r} can't be read as a picture: {error}.") from error


def to_rgb(image: PIL.Image.Image) -> PIL.Image.Image:
    """Bring a picture upright (EXIF) and to RGB; alpha goes over white, CMYK, gray and palettes are converted."""
    image = PIL.ImageOps.exif_transpose(image)
    if image.mode == "RGB":
        return image
    if image.mode in ("I;16", "I;16L", "I;16B", "I"):
        return image.point(lambda value: value / 256).convert("L").convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = PIL.Image.new("RGBA", image.size, (255, 255, 255, 255))
        return PIL.Image.alpha_composite(white, image).convert("RGB")
    return image.convert("RGB")


def channels_come_first(shape: tuple[int, ...]) -> bool:
    """Tell whether an array's shape is (…, C, H, W) rather than (…, H, W, C).

    RGB is looked for before gray and alpha, so that a picture of one pixel is read right.

    Raises:
        ValueError: If neither place has 1, 3 or 4 channels.
    """
    for channels in ((3,), (1, 4)):
        if shape[-3] in channels:
            return True
        if shape[-1] in channels:
            return False
    raise ValueError(f"Pictures must have 1, 3 or 4 channels; this shape has none: {tuple(shape)}.")


def load_rgb(source: str | os.PathLike[str]) -> Tensor:
    """Load a picture.

    A plain RGB picture is decoded by transformers' own loader, bit for bit; pictures with alpha, a palette, gray,
    CMYK or a rotation in EXIF go through `to_rgb`.

    Args:
        source: A path, a `file://`, http or data URL, or base64.

    Returns:
        uint8 (3, H, W) RGB.

    Raises:
        MediaError: If there is no such picture or it can't be decoded.
    """
    name = os.fspath(source).removeprefix("file://")
    if not os.path.isfile(name):
        return _load_remote(name)
    try:
        with PIL.Image.open(name) as image:
            if image.mode == "RGB" and image.format in ("JPEG", "PNG") and not _is_turned(image):
                return load_image_as_tensor(name)
            return pil_to_tensor(to_rgb(image))
    except (OSError, SyntaxError, RuntimeError, ValueError, PIL.Image.DecompressionBombError) as error:
        raise MediaError(f"'{name}' can't be read as a picture.") from error


def _is_turned(image: PIL.Image.Image) -> bool:
    return image.getexif().get(PIL.ExifTags.Base.Orientation, 1) != 1


def _load_remote(name: str) -> Tensor:
    try:
        return load_image_as_tensor(name)
    except httpx.HTTPError as error:
        raise unfetched(name, error) from error
    except Exception as error:  # whatever base64 or the decoder raise
        raise MediaError(f"There is no picture '{shown_name(name)}'.") from error


def frames_of(clip: list[object]) -> Tensor:
    """Stack the frames of a clip given as pictures or paths.

    Args:
        clip: PIL pictures, paths or URLs, all of one size.

    Returns:
        uint8 (T, 3, H, W) RGB.

    Raises:
        MediaError: If a frame can't be read or the frames differ in size.
    """
    frames = [
        pil_to_tensor(to_rgb(frame)) if isinstance(frame, PIL.Image.Image) else load_rgb(frame) for frame in clip
    ]
    sizes = sorted({tuple(frame.shape[-2:]) for frame in frames})
    if len(sizes) > 1:
        listed = ", ".join(f"{height}×{width}" for height, width in sizes)
        raise MediaError(f"The frames of one clip differ in size: {listed}.")
    return torch.stack(frames)
