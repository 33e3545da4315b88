"""Writing the evidence picture, whole or not at all."""

import os
import tempfile
from pathlib import Path

import torch

from emotion_qwen.processing.face_capture import FaceCapture

from .analysis import EmotionAnalysis
from .errors import OutputError
from .evidence_picture import draw_evidence
from .media import DecodedMedia


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
    partial = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
            partial = file.name
            picture.save(file, format="PNG")
        os.chmod(partial, 0o644)  # temporary files are private
        os.replace(partial, path)
    except BaseException as error:
        if partial is not None:
            Path(partial).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise OutputError(f"{str(path)!r} can't be written: {error.strerror or error}.") from error
        raise
    return path
