"""The two kinds of media."""

from typing import Literal

MediaKind = Literal["image", "video"]
