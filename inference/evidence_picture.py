"""One picture that shows at a glance what was read in a clip, and the evidence for it."""

from collections.abc import Sequence

import torch
from PIL import Image, ImageDraw

from emotion_qwen.processing.face_capture import FaceCapture, KeyFrame

from .analysis import EmotionAnalysis, Gate
from .emotion_curves import draw_curves, draw_number
from .face_marks import draw_box, draw_landmarks, draw_thin_box
from .media import DecodedMedia
from .palette import FRAME, GATE_EMOTION, GATE_GENERAL, INK, MUTED, PAPER, emotion_color
from .picture_sections import stack_sections
from .picture_words import words_for
from .prompts import label_name
from .typeface import Typeface

_WIDTH, _MARGIN, _GAP = 1280, 32, 24
_CONTENT = _WIDTH - 2 * _MARGIN
_TITLE, _HEADING, _BODY, _SMALL = 44, 20, 20, 16
_HEADING_HEIGHT = 36
_LINE_SPACING = 1.4
_TALL_LINE = 1.8  # Chinese fonts hang lower than Latin ones
_BARS_WIDTH = 420
_BAR_HEIGHT, _BAR_STEP = 18, 28
_MAX_TILE = (400, 400)
_MAX_TILES_PER_ROW = 4
_MIN_TILE_WIDTH = 240
_TWIN_HEIGHT, _TWIN_GAP = 76, 8
_MIN_PAIR_WIDTH = 480
_CAPTION_HEIGHT = 56
_CURVES_HEIGHT = 240


def draw_evidence(
    analysis: EmotionAnalysis,
    media: DecodedMedia,
    masked: torch.Tensor | None = None,
    name: str = "",
    landmarks: FaceCapture | None = None,
) -> Image.Image:
    """Draw the answer, the probabilities, the key frames with their faces, the gate and the emotions over time.

    Args:
        analysis: What was read.
        media: The decoded media that it was read from.
        masked: Masked key frames as the model saw them, uint8 RGB (K, 3, H, W).
        name: Name of the clip for the foot of the picture.
        landmarks: The faces of the clip, whose eyes, noses and mouth corners are marked; None to mark none.

    Returns:
        An RGB picture, 1280 pixels wide and as high as it needs. Words are in the analysis's language where a font
        here can show it, else in English.
    """
    page = _Page(analysis, media, masked, name, landmarks)
    sections = [page.answer(), page.key_frames(), page.timeline(), page.foot()]
    drawn = [section for section in sections if section is not None]
    return stack_sections(drawn, _WIDTH, _MARGIN, _GAP)


class _Page:
    """The sections of the picture, each as wide as the page's content and as high as it needs."""

    def __init__(
        self,
        analysis: EmotionAnalysis,
        media: DecodedMedia,
        masked: torch.Tensor | None,
        name: str,
        landmarks: FaceCapture | None,
    ) -> None:
        self.analysis, self.media, self.masked, self.landmarks = analysis, media, masked, landmarks
        self.name = name.encode(errors="replace").decode()  # names of files need not be text
        self.language = analysis.language
        own_words = "".join([*words_for(self.language).values(), *map(self._label, analysis.probabilities)])
        self.typeface = Typeface.for_text(own_words + analysis.text + analysis.question + self.name)
        if self.typeface.missing(own_words):
            self.language = "en"
        self.words = words_for(self.language)

    def answer(self) -> Image.Image:
        """The label, the question and the answer on the left; probabilities and gate on the right."""
        text = self._text_column(_CONTENT - _BARS_WIDTH - 2 * _GAP)
        bars = self._bars_column(_BARS_WIDTH)
        section = Image.new("RGB", (_CONTENT, max(text.height, bars.height)), PAPER)
        section.paste(text, (0, 0))
        section.paste(bars, (_CONTENT - bars.width, 0))
        return section

    def key_frames(self) -> Image.Image:
        """The key frames with boxed faces; one plain frame where there is none."""
        key_frames = self.analysis.key_frames
        per_row = min(max(len(key_frames), 1), _MAX_TILES_PER_ROW)
        room = (_CONTENT - (per_row - 1) * _GAP) // per_row
        if key_frames:
            tiles = [self._tile(number, key_frame, room) for number, key_frame in enumerate(key_frames, start=1)]
        else:
            tiles = [self._plain_tile()]
        rows = [tiles[start : start + per_row] for start in range(0, len(tiles), per_row)]
        heights = [max(tile.height for tile in row) for row in rows]
        section = Image.new("RGB", (_CONTENT, _HEADING_HEIGHT + sum(heights) + _GAP * (len(rows) - 1)), PAPER)
        shows_twins = bool(key_frames) and self.masked is not None
        self._heading(section, "key_frames_and_twins" if shows_twins else "key_frames")
        top = _HEADING_HEIGHT
        for row, height in zip(rows, heights, strict=True):
            left = 0
            for tile in row:
                section.paste(tile, (left, top))
                left += tile.width + _GAP
            top += height + _GAP
        return section

    def timeline(self) -> Image.Image | None:
        """Emotion curves; nothing for a still or where no face is seen."""
        timeline = self.analysis.timeline
        if len(timeline) < 2 or not any(any(point.probabilities.values()) for point in timeline):
            return None
        section = Image.new("RGB", (_CONTENT, _HEADING_HEIGHT + _CURVES_HEIGHT), PAPER)
        self._heading(section, "timeline")
        self._legend(section, list(timeline[0].probabilities))
        markers = [(key_frame.time, key_frame.label) for key_frame in self.analysis.key_frames]
        section.paste(draw_curves(timeline, markers, (_CONTENT, _CURVES_HEIGHT), self.typeface), (0, _HEADING_HEIGHT))
        return section

    def foot(self) -> Image.Image:
        """What the picture was made from."""
        width, height = self.analysis.frame_size
        facts = [self.name, f"{width} x {height}"]
        if self.media.kind == "video":
            facts += [self.words["frames"].format(count=len(self.media.frames))]
            facts += [f"{self.media.timestamps[-1]:.2f} s"]
        section = Image.new("RGB", (_CONTENT, round(_SMALL * _TALL_LINE)), PAPER)
        text = self._shown(" | ".join(fact for fact in facts if fact))
        self._write(section, (0, 0), self.typeface.shorten(text, _SMALL, _CONTENT), _SMALL, MUTED)
        return section

    def _text_column(self, width: int) -> Image.Image:
        lines = self.typeface.wrap(self._shown(self.analysis.question), _SMALL, width)
        answer = self.typeface.wrap(self._shown(self.analysis.text), _BODY, width)
        small, body = round(_SMALL * _LINE_SPACING), round(_BODY * _LINE_SPACING)
        title_height = _TITLE + 28
        column = Image.new("RGB", (width, title_height + len(lines) * small + 12 + len(answer) * body + _BODY), PAPER)
        top = self._title(column, width)
        for line in lines:
            self._write(column, (0, top), line, _SMALL, MUTED)
            top += small
        top += 12
        for line in answer:
            self._write(column, (0, top), line, _BODY, INK)
            top += body
        return column

    def _title(self, column: Image.Image, width: int) -> int:
        label, probability = self.analysis.label, self.analysis.probabilities[self.analysis.label]
        ImageDraw.Draw(column).rectangle([0, 4, 11, _TITLE + 4], fill=emotion_color(label))
        title = self.typeface.shorten(f"{self._label(label)}  {probability:.0%}", _TITLE, width - 28)
        self._write(column, (28, 0), title, _TITLE, INK)
        return _TITLE + 28

    def _bars_column(self, width: int) -> Image.Image:
        probabilities, gate = self.analysis.probabilities, self.analysis.gate
        height = _HEADING_HEIGHT + len(probabilities) * _BAR_STEP
        height += _GAP + _HEADING_HEIGHT + 2 * _BAR_STEP if gate else 0
        column = Image.new("RGB", (width, height), PAPER)
        self._heading(column, "probabilities")
        names = {label: self.typeface.shorten(self._label(label), _SMALL, width / 3) for label in probabilities}
        left = round(max(self.typeface.width(name, _SMALL) for name in names.values())) + 12
        top = _HEADING_HEIGHT
        for label, probability in probabilities.items():
            self._bar(column, (left, top), width, probability, label, names[label])
            top += _BAR_STEP
        if gate:
            self._gate(column, top + _GAP, width, gate)
        return column

    def _bar(
        self, column: Image.Image, corner: tuple[int, int], width: int, share: float, label: str, name: str
    ) -> None:
        left, top = corner
        right = width - 56
        draw = ImageDraw.Draw(column)
        draw.rectangle([left, top, right, top + _BAR_HEIGHT - 1], outline=FRAME)
        if share * (right - left) >= 1:
            draw.rectangle(
                [left, top, left + share * (right - left), top + _BAR_HEIGHT - 1], fill=emotion_color(label)
            )
        middle = top + _BAR_HEIGHT / 2
        ink = INK if label == self.analysis.label else MUTED
        font = self.typeface.font(_SMALL)
        draw.text((left - 12, middle), name, fill=ink, font=font, anchor="rm")
        draw.text((width, middle), f"{share:.0%}", fill=ink, font=font, anchor="rm")

    def _gate(self, column: Image.Image, top: int, width: int, gate: Gate) -> None:
        self._heading(column, "gate", top)
        draw = ImageDraw.Draw(column)
        bar_top = top + _HEADING_HEIGHT
        border = round(gate.emotion * (width - 1))
        draw.rectangle([0, bar_top, width - 1, bar_top + _BAR_HEIGHT], fill=GATE_GENERAL)
        if border > 0:
            draw.rectangle([0, bar_top, border, bar_top + _BAR_HEIGHT], fill=GATE_EMOTION)
        font = self.typeface.font(_SMALL)
        below = bar_top + _BAR_HEIGHT + 6
        draw.text((0, below), f"{self.words['emotion']} {gate.emotion:.0%}", fill=INK, font=font, anchor="lt")
        draw.text((width, below), f"{self.words['general']} {gate.general:.0%}", fill=INK, font=font, anchor="rt")

    def _tile(self, number: int, key_frame: KeyFrame, room: int) -> Image.Image:
        """A key frame over its caption; its masked twin beside it where there is room, else small below it."""
        is_pair = self.masked is not None and room >= _MIN_PAIR_WIDTH
        width = min(_MAX_TILE[0], (room - _TWIN_GAP) // 2 if is_pair else room)
        frame = self._frame(key_frame.frame, width, key_frame)
        twin = self._twin(number - 1, frame.size if is_pair else (width // 3, _TWIN_HEIGHT))
        if twin is None:
            return self._captioned(frame, number, key_frame)
        if not is_pair:
            tile = self._captioned(frame, number, key_frame, taken=twin.width + _TWIN_GAP)
            tile.paste(twin, (tile.width - twin.width, frame.height + _TWIN_GAP))
            return tile
        pair = Image.new("RGB", (frame.width + _TWIN_GAP + twin.width, frame.height), PAPER)
        pair.paste(frame, (0, 0))
        pair.paste(twin, (frame.width + _TWIN_GAP, 0))
        return self._captioned(pair, number, key_frame)

    def _captioned(self, picture: Image.Image, number: int, key_frame: KeyFrame, taken: int = 0) -> Image.Image:
        """A picture over number, time and label; `taken` pixels of width beside these are left to something else."""
        below = picture.height + _TWIN_GAP
        height = below + (_TWIN_HEIGHT if taken else _CAPTION_HEIGHT)
        tile = Image.new("RGB", (max(picture.width, _MIN_TILE_WIDTH), height), PAPER)
        tile.paste(picture, (0, 0))
        draw_number(tile, (12, below + 12), number, key_frame.label, self.typeface)
        lines = [] if self.media.kind == "image" else [f"{key_frame.time:.2f} s"]
        lines += [f"{self._label(key_frame.label)} {key_frame.confidence:.0%}"]
        for index, line in enumerate(lines):
            line = self.typeface.shorten(line, _BODY, tile.width - 34 - taken)
            self._write(tile, (34, below + 2 + index * 26), line, _BODY, INK)
        return tile

    def _plain_tile(self) -> Image.Image:
        frame = self._frame(len(self.media.frames) // 2, _MAX_TILE[0])
        tile = Image.new("RGB", (_CONTENT, frame.height + 36), PAPER)
        tile.paste(frame, (0, 0))
        reason = "no_face" if self.analysis.timeline else "capture_off"
        self._write(tile, (0, frame.height + 8), self.words[reason], _BODY, MUTED)
        return tile

    def _frame(self, index: int, width: int, key_frame: KeyFrame | None = None) -> Image.Image:
        frame = _to_picture(self.media.frames[index])
        scale = min(width / frame.width, _MAX_TILE[1] / frame.height)
        frame = _resize(frame, scale)
        if key_frame is None:
            return frame
        color, (own, *others) = emotion_color(key_frame.label), key_frame.boxes
        for box in others:
            draw_thin_box(frame, [edge * scale for edge in box])
        draw_box(frame, [edge * scale for edge in own], color)
        for face in self.landmarks.faces[key_frame.frame] if self.landmarks is not None else ():
            draw_landmarks(frame, face.landmarks, scale, color if face.box == own else MUTED)
        return frame

    def _twin(self, index: int, size: tuple[int, int]) -> Image.Image | None:
        if self.masked is None or index >= len(self.masked):
            return None
        twin = _to_picture(self.masked[index])
        twin = _resize(twin, min(size[0] / twin.width, size[1] / twin.height))
        ImageDraw.Draw(twin).rectangle([0, 0, twin.width - 1, twin.height - 1], outline=FRAME)
        return twin

    def _legend(self, section: Image.Image, labels: Sequence[str]) -> None:
        draw = ImageDraw.Draw(section)
        right = _CONTENT
        for label in reversed(labels):
            name = self._label(label)
            right -= round(self.typeface.width(name, _SMALL))
            self._write(section, (right, 3), name, _SMALL, INK)
            draw.rectangle([right - 20, 6, right - 7, 19], fill=emotion_color(label))
            right -= 20 + 16

    def _heading(self, section: Image.Image, word: str, top: int = 0) -> None:
        self._write(section, (0, top), self.words[word], _HEADING, MUTED)

    def _write(self, section: Image.Image, corner: tuple[float, float], text: str, size: int, color: str) -> None:
        ImageDraw.Draw(section).text(corner, text, fill=color, font=self.typeface.font(size))

    def _label(self, label: str) -> str:
        return label_name(label, self.language)

    def _shown(self, text: str) -> str:
        """The text without characters that no font here can show; a note instead if those are most of it."""
        missing = self.typeface.missing(text)
        kept = "".join(character for character in text if character not in missing)
        lost = sum(character in missing for character in text)
        return self.words["no_font"] if lost > len(kept) else kept


def _to_picture(frame: torch.Tensor) -> Image.Image:
    return Image.fromarray(frame.permute(1, 2, 0).contiguous().cpu().numpy())


def _resize(picture: Image.Image, scale: float) -> Image.Image:
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.BICUBIC)
