"""Writes drawn pictures and clips, and the records of what they show."""

from pathlib import Path

import numpy as np

from emotion_qwen.train.synthetic.moving import sample_moving
from emotion_qwen.train.synthetic.records import Record
from emotion_qwen.train.synthetic.shapes import sample_shapes
from emotion_qwen.train.synthetic.video_writing import write_mp4
from emotion_qwen.train.synthetic.words import sample_word

_JPEG_QUALITY = 90


def write_shapes(folder: Path, name: str, rng: np.random.Generator, size: int) -> Record:
    """Writes a picture of shapes.

    Args:
        folder: Of the data set.
        name: Id of the record.
        rng: Source of randomness.
        size: Side of the picture, pixels.

    Returns:
        Its record, but for the split.
    """
    picture, shapes = sample_shapes(rng, size)
    media = f"media/{name}.jpg"
    picture.save(folder / media, quality=_JPEG_QUALITY)
    return {"id": name, "task": "shapes", "kind": "image", "media": media, "shapes": [vars(shape) for shape in shapes]}


def write_word(folder: Path, name: str, rng: np.random.Generator, size: int) -> Record:
    """Writes a picture of a word; see `write_shapes`."""
    picture, word = sample_word(rng, size)
    media = f"media/{name}.jpg"
    picture.save(folder / media, quality=_JPEG_QUALITY)
    return {"id": name, "task": "words", "kind": "image", "media": media, "word": word.word, "colour": word.colour}


def write_moving(folder: Path, name: str, rng: np.random.Generator, size: int, frames: int, fps: float) -> Record:
    """Writes a clip of moving shapes; see `write_shapes`.

    Args:
        folder: Of the data set.
        name: Id of the record.
        rng: Source of randomness.
        size: Side of the frames, pixels.
        frames: Number of frames.
        fps: Frames a second.
    """
    clip = sample_moving(rng, size, frames)
    media = f"media/{name}.mp4"
    write_mp4(folder / media, clip.frames, fps)
    return {
        "id": name,
        "task": "moving",
        "kind": "video",
        "media": media,
        "fps": fps,
        "frames": frames,
        "direction": clip.direction,
        "shapes": [{"shape": shape, "colour": colour} for shape, colour in clip.shapes],
    }
