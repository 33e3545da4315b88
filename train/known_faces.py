"""What Facial Emotion Capture gives for rendered media, whose faces are known: it saves looking for them."""

from dataclasses import dataclass

from emotion_qwen.inference.prompts import EMOTION_LABELS
from emotion_qwen.processing import FaceCapture
from emotion_qwen.processing.face_capture import Box, Face, KeyFrame
from emotion_qwen.train.synthetic.records import Record


def picture_faces(box: Box | None, side: int, label: str) -> FaceCapture:
    """The capture of a square picture.

    Args:
        box: The face, pixels; None: there is none, or it is not found.
        side: Side of the picture, pixels.
        label: The emotion.
    """
    if box is None:
        return FaceCapture((side, side), None, None, ((),), ())
    key = KeyFrame(0, None, label, 1.0, (box,), (0,))
    return FaceCapture((side, side), None, None, ((_certain_face(box, label),),), (key,))


def clip_faces(record: Record, side: int) -> FaceCapture:
    """The capture of a clip; its key frames are the apexes at which the face is in sight.

    Args:
        record: Of the kind "video": of one person, of several ("people"), or of a drawing, in which is nobody.
        side: Side of its square frames, pixels.
    """
    fps = record["fps"]
    times = tuple(number / fps for number in range(record["frames"]))
    shown = [person for person in record.get("people", [record]) if "face_boxes" in person]
    people = [_Seen(number, person) for number, person in enumerate(shown)]
    faces = tuple(tuple(face for seen in people if (face := seen.face(frame))) for frame in range(len(times)))
    apexes = sorted(
        (event["apex_frame"], seen.track, event["label"]) for seen in people for event in seen.person["events"]
    )
    keys = tuple(
        _key_frame(frame, times[frame], label, track, faces[frame])
        for frame, track, label in apexes
        if any(face.track == track for face in faces[frame])
    )
    return FaceCapture((side, side), fps, times, faces, keys)


@dataclass(frozen=True)
class _Seen:
    """One person of a clip's record, followed as one track."""

    track: int
    person: Record

    def face(self, frame: int) -> Face | None:
        """The face at a frame, if it is in sight, with the emotion that is under way."""
        box = self.person["face_boxes"][frame]
        if box is None:
            return None
        events = self.person["events"]
        label = next((e["label"] for e in events if e["onset_frame"] < frame < e["offset_frame"]), "neutral")
        return _certain_face(tuple(box), label, self.track)


def _key_frame(frame: int, time: float, label: str, track: int, faces: tuple[Face, ...]) -> KeyFrame:
    """An apex as a key frame; the face that shows the emotion comes first."""
    ordered = sorted(faces, key=lambda face: face.track != track)
    return KeyFrame(frame, time, label, 1.0, tuple(f.box for f in ordered), tuple(f.track for f in ordered))


def _certain_face(box: Box, label: str, track: int = 0) -> Face:
    """A face of which nothing is in doubt; its landmarks, which nothing here reads, all lie in its middle."""
    middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    return Face(box, (middle,) * 5, 1.0, tuple(float(emotion == label) for emotion in EMOTION_LABELS), track)
