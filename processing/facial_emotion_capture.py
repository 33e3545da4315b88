"""Facial Emotion Capture: detect faces, read their emotions, follow them, choose and mask key frames.

This is the paper's Facial Emotion Capture module (detection, landmarks g(F), emotion probabilities h(F)): it gives the
model the frames that show an emotion at its height, with everything but the faces faded.
"""

import math
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .face_appearance import describe_faces
from .face_backends import find_backend
from .face_capture import EMOTIONS, Face, FaceCapture, KeyFrame, scores_by_track
from .face_detections import Detections
from .face_masking import mask_key_frames
from .face_tracking import assign_tracks, smooth_along_tracks
from .facial_emotion_capture_settings import FacialEmotionCaptureSettings
from .key_frames import Peak, select_key_frames
from .scene_cuts import find_cuts

FEC_VERSION = 3
"""Raised with every change of the code that changes a result: stored faces of another version are not used."""

FacesPerFrame = tuple[tuple[Face, ...], ...]


class FacialEmotionCapture:
    """Finds faces and their emotions in clips.

    The same frames give the same result, bit for bit, on the same machine with the same number of threads.
    It holds settings only (networks live in a cache of the module), so it can be copied, pickled and shared between
    threads.

    Args:
        backend: Name of the detector and classifier; "embedded" needs no download.
        weights: The embedded backend's `face_networks.safetensors`; None for the package's own.
        **settings: Fields of `FacialEmotionCaptureSettings`.

    Raises:
        ValueError: If the backend or a setting is unknown, or a value is out of its range.
    """

    def __init__(self, backend: str = "embedded", weights: Path | str | None = None, **settings: Any) -> None:
        find_backend(backend)
        self.backend = backend
        self.weights = None if weights is None else Path(weights)
        self.settings = FacialEmotionCaptureSettings.from_dict(settings)

    def capture(
        self, frames: Tensor, fps: float | None = None, timestamps: Sequence[float] | None = None
    ) -> FaceCapture:
        """Capture the faces of one clip (or of one image, as a clip of one frame).

        Args:
            frames: uint8 RGB (T, 3, H, W) or gray (T, 1, H, W), any T, on any device; the networks run there.
            fps: Frames per second of these frames.
            timestamps: Seconds of each frame; made from `fps` if left out.

        Returns:
            Faces, tracks and key frames. A clip without a face has no key frame.

        Raises:
            ValueError: If the frames are not such a tensor, or the times do not fit them.
            FileNotFoundError: If the weights are missing.
        """
        return self.capture_batch([frames], [fps], [timestamps])[0]

    def capture_batch(
        self,
        clips: Iterable[Tensor],
        fps: float | Sequence[float | None] | None = None,
        timestamps: Sequence[Sequence[float] | None] | None = None,
    ) -> list[FaceCapture]:
        """Capture several clips of any sizes as one batch; each result is what `capture` gives for that clip alone.

        With oneDNN (torch on x86) and on one device the results are equal bit for bit. Elsewhere torch may round
        differently for batches of other sizes: probabilities and boxes then agree to 1e-4 of their range.

        Args:
            clips: See `capture`.
            fps: Frames per second of all clips, or one rate per clip.
            timestamps: For each clip the seconds of each frame, or None; made from `fps` if left out.

        Raises:
            ValueError: If a clip is no such tensor, or the times do not fit.
            FileNotFoundError: If the weights are missing.
        """
        clips = [_as_rgb(frames) for frames in clips]
        rates = list(fps) if isinstance(fps, Sequence) else [fps] * len(clips)
        rates = [None if rate is None else float(rate) for rate in rates]
        stamps = [None] * len(clips) if timestamps is None else timestamps
        if not len(clips) == len(rates) == len(stamps):
            raise ValueError(f"There are {len(rates)} rates and {len(stamps)} lists of times for {len(clips)} clips.")
        times = [_frame_times(len(frames), *time) for frames, *time in zip(clips, rates, stamps, strict=True)]
        faces: list[FacesPerFrame] = []
        for device, group in groupby(clips, key=lambda frames: frames.device):
            faces += self._find_faces(list(group), device)
        return [
            FaceCapture(tuple(frames.shape[-2:]), rate, seconds, found, self._choose_key_frames(found, seconds))
            for frames, rate, seconds, found in zip(clips, rates, times, faces, strict=True)
        ]

    def _find_faces(self, clips: list[Tensor], device: torch.device) -> list[FacesPerFrame]:
        backend = find_backend(self.backend)(self.settings, self.weights, device)
        # Whatever precision the caller trains or serves in, faces are read in float32.
        with torch.inference_mode(), torch.autocast(device.type, enabled=False):
            found = backend.detector.detect_clips(clips)
            found = [self._keep_faces(own, frames) for own, frames in zip(found, clips, strict=True)]
            probabilities = backend.classifier.classify_clips(clips, found)
            return [
                self._follow(own, read, frames, _inside(own.boxes, frames))
                for own, read, frames in zip(found, probabilities, clips, strict=True)
            ]

    def mask(self, frames: Tensor, capture: FaceCapture) -> Tensor:
        """Return the masked key frames (K, C, H, W) of a clip; see `mask_key_frames`.

        Args:
            frames: uint8 (T, C, H, W), the clip that `capture` was made from.
            capture: Its faces and key frames, from now or from earlier.

        Raises:
            ValueError: If the capture was made from frames of another number or size.
        """
        return mask_key_frames(frames, capture, self.settings.mask_margin, self.settings.mask_fade)

    def _keep_faces(self, found: Detections, frames: Tensor) -> Detections:
        """Drop faces that are uncertain, too small, or outside the frame."""
        visible = _inside(found.boxes, frames)
        heights, widths = visible[:, 3] - visible[:, 1], visible[:, 2] - visible[:, 0]
        is_large = (heights >= self.settings.min_face_height * frames.shape[-2]) & (heights > 0) & (widths > 0)
        return found.select(is_large & (found.scores >= self.settings.detection_threshold))

    def _follow(self, found: Detections, probabilities: Tensor, frames: Tensor, boxes: Tensor) -> FacesPerFrame:
        """Give each face its track, smooth its probabilities along it, and sort the faces into their frames."""
        if not len(found):
            return ((),) * len(frames)
        settings, indices = self.settings, found.frames.tolist()
        cuts = find_cuts(frames, settings.scene_cut_threshold)
        tracks = assign_tracks(
            indices,
            boxes,
            describe_faces(frames, found.frames, boxes),
            cuts,
            settings.track_similarity,
            settings.track_max_gap,
            settings.track_reidentification,
        )
        smoothed = smooth_along_tracks(probabilities, indices, tracks, cuts, settings.smoothing_window)
        faces: list[list[Face]] = [[] for _ in range(len(frames))]
        columns = (found.frames, boxes, found.landmarks, found.scores, smoothed)
        for track, frame, box, landmarks, score, row in zip(
            tracks, *(column.tolist() for column in columns), strict=True
        ):
            points = tuple((x, y) for x, y in landmarks)
            faces[frame].append(Face(tuple(box), points, score, tuple(row), track))
        return tuple(tuple(group) for group in faces)

    def _choose_key_frames(self, faces: FacesPerFrame, times: tuple[float, ...] | None) -> tuple[KeyFrame, ...]:
        settings = self.settings
        peaks = select_key_frames(
            timelines=scores_by_track(faces, len(EMOTIONS)),
            labels=EMOTIONS,
            max_key_frames=settings.max_key_frames,
            threshold=settings.key_frame_threshold,
            min_gap=settings.key_frame_min_gap,
            neutral_weight=settings.neutral_weight,
            base=settings.key_frame_base,
        )
        return tuple(_key_frame(peak, faces[peak.frame], times) for peak in peaks)


def _key_frame(peak: Peak, faces: tuple[Face, ...], times: tuple[float, ...] | None) -> KeyFrame:
    label = EMOTIONS.index(peak.label)
    ordered = sorted(faces, key=lambda face: (face.track != peak.track, -face.probabilities[label] * face.score))
    return KeyFrame(
        frame=peak.frame,
        time=None if times is None else times[peak.frame],
        label=peak.label,
        confidence=peak.score,
        boxes=tuple(face.box for face in ordered),
        tracks=tuple(face.track for face in ordered),
    )


def _inside(boxes: Tensor, frames: Tensor) -> Tensor:
    """Cut boxes (N, 4) at the edges of the frames."""
    height, width = frames.shape[-2:]
    return boxes.clamp(min=0).minimum(boxes.new_tensor([width, height, width, height]))


def _as_rgb(frames: Tensor) -> Tensor:
    """Check a clip and return it with three channels."""
    if not isinstance(frames, Tensor):
        raise ValueError(f"Frames must be a torch tensor (T, C, H, W), not {type(frames).__name__}.")
    if frames.ndim != 4 or frames.shape[1] not in (1, 3):
        raise ValueError(f"Frames must be (T, 3, H, W) in RGB or (T, 1, H, W) in gray, not {tuple(frames.shape)}.")
    if frames.dtype != torch.uint8:
        raise ValueError(
            f"Frames must be uint8 with values 0-255, not {frames.dtype}; "
            "floats in 0 to 1 become that with (255 * frames).round().to(torch.uint8)."
        )
    if 0 in frames.shape[-2:]:
        raise ValueError(f"Frames must have at least one pixel, not {frames.shape[-2]}×{frames.shape[-1]}.")
    return frames.expand(-1, 3, -1, -1)


def _frame_times(num_frames: int, fps: float | None, timestamps: Sequence[float] | None) -> tuple[float, ...] | None:
    if fps is not None and not 0 < fps < math.inf:
        raise ValueError(f"fps must be a positive number, not {fps!r}.")
    if timestamps is None:
        return None if fps is None else tuple(index / fps for index in range(num_frames))
    if len(timestamps) != num_frames:
        raise ValueError(f"{len(timestamps)} timestamps were given for {num_frames} frames.")
    return tuple(float(time) for time in timestamps)
