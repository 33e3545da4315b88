"""Facial Emotion Capture of whole data sets, computed once and stored.

This is what `emotion-qwen faces` runs, and what reads its results. Results are written and read with pyarrow:
`pip install 'emotion-qwen[train]'`.
"""

from .capture_column import CaptureColumn
from .capture_recipe import CaptureRecipe
from .media_capturer import MediaCapturer
from .media_sources import MediaItem, list_media
from .run import Summary, precompute_faces
from .store import FaceCaptureStore

__all__ = [
    "CaptureColumn",
    "CaptureRecipe",
    "FaceCaptureStore",
    "MediaCapturer",
    "MediaItem",
    "Summary",
    "list_media",
    "precompute_faces",
]
