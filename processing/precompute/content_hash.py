"""The key of stored faces: a hash of the picture's or clip's bytes, whatever its name and place."""

import hashlib
import os
from pathlib import Path

from ..video_decoding import MediaError


def content_hash(media: str | os.PathLike[str] | bytes) -> str:
    """Return the SHA-256 of a file or of its bytes, as `sha256sum` prints it.

    Args:
        media: A path, a `file://` URL, or the bytes themselves.

    Raises:
        MediaError: If the file can't be read.
    """
    if isinstance(media, bytes):
        return hashlib.sha256(media).hexdigest()
    path = Path(os.fspath(media).removeprefix("file://"))
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise MediaError(f"'{path}' can't be read: {error.strerror}.") from error
