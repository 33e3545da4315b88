"""The records of rendered people: what is true of a still, of a clip and of everyone in a group."""

from collections.abc import Sequence
from typing import Any

from emotion_qwen.train.synthetic.clips import Clip
from emotion_qwen.train.synthetic.groups import GroupClip
from emotion_qwen.train.synthetic.head_identity import Person
from emotion_qwen.train.synthetic.performance import ClipEvent
from emotion_qwen.train.synthetic.records import Record, split_of
from emotion_qwen.train.synthetic.stills import Still


def still_record(name: str, media: str, still: Still, person: Person) -> Record:
    """The truth about a picture of one person.

    Args:
        name: Its id.
        media: Where the picture lies, relative to the record.
        still: The picture.
        person: Who it shows.
    """
    return {
        "id": name,
        "task": "emotion",
        "kind": "image",
        "media": media,
        "label": still.expression.label,
        "intensity": still.expression.intensity,
        "action_units": still.expression.action_units,
        "apex_frame": 0,
        "apex_time": 0.0,
        "face_box": still.face_box,
        "yaw": round(still.view.yaw, 1),
        "pitch": round(still.view.pitch, 1),
        "background": still.background,
        **_person_truth(person),
    }


def clip_record(name: str, media: str, clip: Clip, person: Person) -> Record:
    """The truth about a clip.

    Args:
        name: Its id.
        media: Where the mp4 lies, relative to the record.
        clip: The clip.
        person: Who it shows.
    """
    return {
        "id": name,
        "task": "emotion",
        "kind": "video",
        "media": media,
        **_performance_truth(clip.events, clip.strongest, clip.face_boxes, clip.fps),
        "background": clip.background,
        **_person_truth(person),
    }


def group_record(name: str, media: str, clip: GroupClip) -> Record:
    """The truth about a group clip: that of its strongest expression, and under "people" that of everyone.

    Args:
        name: Its id.
        media: Where the mp4 lies, relative to the record.
        clip: The clip.
    """
    member, strongest = max(
        ((member, event) for member in clip.members for event in member.events),
        key=lambda pair: pair[1].expression.intensity,
    )
    return {
        "id": name,
        "task": "emotion",
        "kind": "video",
        "media": media,
        **_performance_truth(member.events, strongest, member.face_boxes, clip.fps),
        **_person_truth(member.person),
        "scene": clip.scene,
        "cuts": clip.cuts,
        "people": [
            {
                **_person_truth(each.person),
                "events": [_event_truth(event) for event in each.events],
                "face_boxes": each.face_boxes,
                "visible": [round(share, 3) for share in each.visible],
            }
            for each in clip.members
        ],
    }


def _performance_truth(
    events: Sequence[ClipEvent], strongest: ClipEvent, face_boxes: Sequence[Any], fps: float
) -> Record:
    """The truth about what one person shows in a clip.

    Args:
        events: Their expressions.
        strongest: The one that the clip is labelled after.
        face_boxes: Their face in each frame.
        fps: Of the clip.
    """
    return {
        "label": strongest.expression.label,
        "intensity": strongest.expression.intensity,
        "action_units": strongest.expression.action_units,
        "apex_frame": strongest.apex,
        "apex_time": round(strongest.apex / fps, 3),
        "face_box": face_boxes[strongest.apex],
        "face_boxes": face_boxes,
        "fps": fps,
        "frames": len(face_boxes),
        "events": [_event_truth(event) for event in events],
    }


def _event_truth(event: ClipEvent) -> Record:
    """The truth about one expression within a clip."""
    return {
        "label": event.expression.label,
        "intensity": event.expression.intensity,
        "action_units": event.expression.action_units,
        "onset_frame": event.onset,
        "apex_frame": event.apex,
        "offset_frame": event.offset,
    }


def _person_truth(person: Person) -> Record:
    """The truth about a person, as every record holds it."""
    return {
        "identity": person.identity,
        "split": split_of(person.identity),
        "sex": person.sex,
        "age": person.age,
        "skin_group": person.skin_group,
    }
