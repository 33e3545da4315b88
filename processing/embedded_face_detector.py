"""The embedded backend's detector: RetinaFace-m0.25 on one small copy of the clips, batch by batch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import nms

from .face_crops import resize
from .face_detections import Detections, FaceDetector, cpu_zeros
from .facial_emotion_capture_settings import FacialEmotionCaptureSettings
from .retinaface import INPUT_MULTIPLE, RetinaFace, anchors, decode_boxes, decode_landmarks

THUMBNAIL_SIZE = 28
"""Side in pixels of the square thumbnails that are compared to recognise still frames."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """Frames of one clip within a batch that may hold frames of other clips too."""

    clip: int
    frames: list[int]
    images: Tensor


class EmbeddedFaceDetector(FaceDetector):
    """RetinaFace-m0.25 on one downscaled copy of the clips, batch by batch.

    A frame that barely differs from the last one that went through the network takes over its faces.

    Args:
        network: The detector, on the device of the clips.
        settings: Sizes, thresholds and batch size of detection.
    """

    def __init__(self, network: RetinaFace, settings: FacialEmotionCaptureSettings) -> None:
        self.network = network
        self.settings = settings

    def detect(self, frames: Tensor) -> Detections:
        """See `FaceDetector.detect`."""
        return self.detect_clips([frames])[0]

    def detect_clips(self, clips: Sequence[Tensor]) -> list[Detections]:
        """Find the faces of several clips on one device; clips of one aspect ratio share batches."""
        sizes = [self._small_size(frames) for frames in clips]
        found: list[list[Detections]] = [[] for _ in clips]
        sources = [list[int]() for _ in clips]
        for size in dict.fromkeys(sizes):
            members = [index for index, own in enumerate(sizes) if own == size]
            for batch in self._batches(clips, members, size, sources):
                for piece, faces in zip(batch, self._detect(batch), strict=True):
                    found[piece.clip].append(self._in_pixels(faces, clips[piece.clip], size))
        return [_spread(Detections.cat(parts), source) for parts, source in zip(found, sources, strict=True)]

    def _small_size(self, frames: Tensor) -> tuple[int, int]:
        height, width = frames.shape[-2:]
        scale = self.settings.detection_size / max(height, width)
        return max(1, round(height * scale)), max(1, round(width * scale))

    def _batches(
        self, clips: Sequence[Tensor], members: list[int], size: tuple[int, int], sources: list[list[int]]
    ) -> Iterator[list[_Piece]]:
        """Yield pieces of clips that fill the network's batches, and note each frame's source.

        Args:
            clips: All clips.
            members: The clips to go through, whose small copies have one size.
            size: Height and width in pixels of the small copies.
            sources: For each clip, a list to be filled with the frame that each frame takes its faces from.
        """
        limit = self.settings.detection_batch_size
        batch: list[_Piece] = []
        filled = 0
        for clip in members:
            last_seen: Tensor | None = None
            for first in range(0, len(clips[clip]), limit):
                images = resize(clips[clip][first : first + limit], *size)
                looked_at, last_seen = self._changed(images, last_seen)
                fresh = []
                for offset, is_new in enumerate(looked_at):
                    if is_new:
                        fresh.append(offset)
                    sources[clip].append(first + offset if is_new else sources[clip][-1])
                while fresh:
                    taken, fresh = fresh[: limit - filled], fresh[limit - filled :]
                    batch.append(_Piece(clip, [first + offset for offset in taken], _rows(images, taken)))
                    filled += len(taken)
                    if filled == limit:
                        yield batch
                        batch, filled = [], 0
        if batch:
            yield batch

    def _changed(self, images: Tensor, last_seen: Tensor | None) -> tuple[list[bool], Tensor | None]:
        """Tell which frames differ enough from the last one that went through the network to do so themselves.

        Args:
            images: Small copies (T, 3, h, w) of consecutive frames.
            last_seen: What was returned for the frames before these; None at the start of a clip.

        Returns:
            For each frame whether the network looks at it; and the thumbnail of the last frame that it looks at.
        """
        limit = self.settings.still_frame_change
        if limit == 0:
            return [True] * len(images), None
        looked_at = []
        for thumbnail in resize(images, THUMBNAIL_SIZE, THUMBNAIL_SIZE).float().cpu():
            is_new = last_seen is None or (thumbnail - last_seen).abs().max().item() > limit
            looked_at.append(is_new)
            last_seen = thumbnail if is_new else last_seen
        return looked_at, last_seen

    def _detect(self, batch: list[_Piece]) -> list[Detections]:
        """Run the network on a batch; boxes are in pixels of the small copies, frames are the clips' own."""
        images = torch.cat([piece.images for piece in batch]) if len(batch) > 1 else batch[0].images
        height, width = images.shape[-2:]
        beyond = (0, -width % INPUT_MULTIPLE, 0, -height % INPUT_MULTIPLE)
        images = F.pad(images.flip(1), beyond) if any(beyond) else images.flip(1)
        scores, boxes, landmarks = self.network(images)
        row, anchor = (scores > self.settings.detection_threshold).nonzero(as_tuple=True)
        anchor_boxes = anchors(images.shape[-2], images.shape[-1], images.device)[anchor]
        found = Detections(
            frames=row.cpu(),
            boxes=decode_boxes(boxes[row, anchor], anchor_boxes).cpu(),
            scores=scores[row, anchor].cpu(),
            landmarks=decode_landmarks(landmarks[row, anchor], anchor_boxes).cpu(),
        )
        found = found.select(self._without_overlaps(found))
        results, first = [], 0
        for piece in batch:
            own = found.select((found.frames >= first) & (found.frames < first + len(piece.frames)))
            results.append(replace(own, frames=torch.tensor(piece.frames, device="cpu")[own.frames - first]))
            first += len(piece.frames)
        return results

    def _without_overlaps(self, found: Detections) -> Tensor:
        """Return the indices that non-maximum suppression keeps: frame by frame, the most confident first."""
        kept = [cpu_zeros(0).long()]
        for frame in found.frames.unique():
            members = (found.frames == frame).nonzero()[:, 0]
            kept.append(members[nms(found.boxes[members], found.scores[members], self.settings.detection_overlap)])
        return torch.cat(kept)

    @staticmethod
    def _in_pixels(faces: Detections, frames: Tensor, size: tuple[int, int]) -> Detections:
        scale = (frames.shape[-1] / size[1], frames.shape[-2] / size[0])
        to_pixels = torch.tensor(scale, dtype=torch.float32, device="cpu")
        return replace(faces, boxes=faces.boxes * to_pixels.repeat(2), landmarks=faces.landmarks * to_pixels)


def _rows(images: Tensor, rows: list[int]) -> Tensor:
    return images if len(rows) == len(images) else images[rows]


def _spread(found: Detections, sources: list[int]) -> Detections:
    """Give every frame the faces of the frame that stands for it.

    Args:
        found: Faces of the frames that were looked at.
        sources: For each frame the frame that it takes its faces from, ascending.
    """
    if sources == list(range(len(sources))):
        return found
    rows, frames = [], []
    of_source = {frame: (found.frames == frame).nonzero()[:, 0] for frame in set(sources)}
    for frame, source in enumerate(sources):
        rows.append(of_source[source])
        frames.append(torch.full_like(of_source[source], frame))
    return replace(found.select(torch.cat(rows)), frames=torch.cat(frames))
