"""Writing the evidence picture, whole or not at all."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import torch

from emotion_qwen.processing.face_capture import FaceCapture

from .analysis import EmotionAnalysis
from .errors import OutputError
from .evidence_picture import draw_evidence
from .media import DecodedMedia

_LONGEST_STEM = 200
"""Bytes of a medium's name that its picture's name keeps: most file systems allow 255 for the whole name."""


def evidence_path(folder: Path, name: str) -> Path:
    """Say where the picture of a medium goes.

    Args:
        folder: The folder for pictures.
        name: The medium's file name; one that is too long is cut.
    """
    stem = os.fsencode(Path(name).stem)
    if len(stem) > _LONGEST_STEM:
        stem = stem[:_LONGEST_STEM].decode(errors="ignore").encode()
    return folder / f"{os.fsdecode(stem)}-evidence.png"


def check_folder(folder: Path) -> None:
    """Make sure that files can be written to a folder, before work is done in vain; nothing is left behind.

    Args:
        folder: The folder; it need not exist.

    Raises:
        OutputError: If they can't be.
    """
    lacking = [place for place in (folder, *folder.parents) if not os.path.lexists(place)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _output_error(folder, error) from error
    finally:
        for place in lacking:
            with suppress(OSError):
                place.rmdir()


def save_evidence(
    path: str | Path,
    analysis: EmotionAnalysis,
    media: DecodedMedia,
    masked: torch.Tensor | None = None,
    name: str = "",
    landmarks: FaceCapture | None = None,
) -> Path:
    """Write the picture of `draw_evidence` as a PNG, whole or not at all.

    Args:
        path: Where to; missing folders are made.
        analysis: See `draw_evidence`.
        media: See `draw_evidence`.
        masked: See `draw_evidence`.
        name: See `draw_evidence`.
        landmarks: See `draw_evidence`.

    Returns:
        The path written.

    Raises:
        OutputError: If it can't be written there.
    """
    path = Path(path)
    picture = draw_evidence(analysis, media, masked, name, landmarks)
    partial = path.with_name(f".{uuid4().hex}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("xb") as file:
            picture.save(file, format="PNG")
        partial.replace(path)
    except BaseException as error:
        with suppress(OSError):
            partial.unlink()
        if isinstance(error, OSError):
            raise _output_error(path, error) from error
        raise
    return path


def _output_error(path: Path, error: OSError) -> OutputError:
    reason = "it is no folder" if isinstance(error, FileExistsError) else error.strerror or error
    return OutputError(f"{str(path)!r} can't be written: {reason}.")
