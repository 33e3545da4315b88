"""A font that can show a given text, and text broken into lines that fit."""

from collections.abc import Iterable
from functools import lru_cache

from PIL import ImageFont

# Fonts with Chinese that systems carry; Pillow looks them up by file name in the system's font folders.
_SYSTEM_FONTS = (
    "NotoSansCJK-Regular.ttc",
    "NotoSansCJKsc-Regular.otf",
    "NotoSansSC-Regular.otf",
    "SourceHanSansSC-Regular.otf",
    "PingFang.ttc",
    "Hiragino Sans GB.ttc",
    "msyh.ttc",
    "wqy-microhei.ttc",
    "wqy-zenhei.ttc",
    "DroidSansFallbackFull.ttf",
    "NotoSerifCJK-Regular.ttc",
    "simsun.ttc",
    "DejaVuSans.ttf",
)
_PROBE_SIZE = 24
_NOT_A_CHARACTER = "\uffff"


class Typeface:
    """One font at any size.

    Args:
        file: Font file name as Pillow finds it; `None` is the font that Pillow carries.
    """

    def __init__(self, file: str | None = None) -> None:
        self.file = file

    @classmethod
    def for_text(cls, text: str) -> "Typeface":
        """Choose the installed font that lacks the fewest characters of a text.

        Among equals Pillow's own is chosen, so that pictures of Latin text are the same everywhere.
        """
        typefaces = [cls(file) for file in (None, *_SYSTEM_FONTS) if _is_installed(file)]
        return min(typefaces, key=lambda typeface: len(typeface.missing(text)))

    def missing(self, text: str) -> set[str]:
        """The characters of a text that the font can't show."""
        return {character for character in text if not character.isspace() and not _shows(self.file, character)}

    def font(self, size: int) -> ImageFont.FreeTypeFont:
        """The font at a size in pixels."""
        return _load(self.file, size)

    def width(self, text: str, size: int) -> float:
        """Width of a line of text in pixels."""
        return self.font(size).getlength(text)

    def shorten(self, text: str, size: int, width: float) -> str:
        """The text, or as much of its beginning as fits into a width, followed by an ellipsis."""
        if self.width(text, size) <= width:
            return text
        kept = text
        while kept and self.width(kept + "...", size) > width:
            kept = kept[:-1]
        return kept.rstrip() + "..."

    def wrap(self, text: str, size: int, width: float) -> list[str]:
        """Break a text into lines no wider than a width.

        Args:
            text: Words separated by spaces, or Chinese; line breaks are kept.
            size: Font size in pixels.
            width: Widest line in pixels.

        Returns:
            The lines; a word wider than a line is broken.
        """
        return [line for paragraph in text.splitlines() for line in self._wrap_paragraph(paragraph, size, width)]

    def _wrap_paragraph(self, paragraph: str, size: int, width: float) -> Iterable[str]:
        line = ""
        for piece in _pieces(paragraph):
            if line and self.width((line + piece).rstrip(), size) > width:
                yield line.rstrip()
                line, piece = "", piece.lstrip()
            for character in piece if self.width(piece.rstrip(), size) > width else [piece]:
                if line and self.width((line + character).rstrip(), size) > width:
                    yield line
                    line = ""
                line += character
        yield line.rstrip()


def _pieces(paragraph: str) -> Iterable[str]:
    """Parts between which a line may break: words with the space after them, single Chinese characters."""
    piece = ""
    for character in paragraph:
        if piece and (_is_wide(character) and not _clings(character)):
            yield piece
            piece = ""
        piece += character
        if character == " ":
            yield piece
            piece = ""
    if piece:
        yield piece


def _is_wide(character: str) -> bool:
    return character >= "\u2e80"


def _clings(character: str) -> bool:
    """Whether a Chinese punctuation mark must stay on the line of the character before it."""
    return character in "\u3001\u3002\uff0c\uff01\uff1f\uff1a\uff1b\uff09\u300b\u300d\u300f\u201d"


@lru_cache(maxsize=64)
def _load(file: str | None, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.load_default(size) if file is None else ImageFont.truetype(file, size)


@lru_cache
def _is_installed(file: str | None) -> bool:
    try:
        _load(file, _PROBE_SIZE)
    except OSError:
        return False
    return True


@lru_cache(maxsize=4096)
def _shows(file: str | None, character: str) -> bool:
    font = _load(file, _PROBE_SIZE)
    return bytes(font.getmask(character)) != bytes(font.getmask(_NOT_A_CHARACTER))
