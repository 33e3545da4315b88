"""Pictures as text, so that no picture of anybody is written to a file."""

import base64
import io
from typing import Any

from PIL import Image

_HEIGHT = 320
_QUALITY = 82


def picture_source(frame: Any) -> str:
    """Turn a frame into the `src` of an `<img>`.

    Args:
        frame: uint8 RGB tensor (3, H, W).

    Returns:
        A data address of a JPEG, at most 320 pixels high.
    """
    picture = Image.fromarray(frame.permute(1, 2, 0).contiguous().numpy())
    if picture.height > _HEIGHT:
        picture = picture.resize((max(1, round(picture.width * _HEIGHT / picture.height)), _HEIGHT))
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
