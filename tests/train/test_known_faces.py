from emotion_qwen.train.known_faces import clip_faces

EVENT = {"label": "happy", "onset_frame": 0, "apex_frame": 1, "offset_frame": 3}
BOXES = [[10.0, 10.0, 30.0, 40.0]] * 4


def test_everyone_in_a_clip_is_followed_and_each_apex_is_a_key_frame():
    people = [
        {"face_boxes": BOXES, "events": [EVENT]},
        {"face_boxes": [*BOXES[:3], None], "events": [EVENT | {"label": "sad", "apex_frame": 2}]},
    ]
    capture = clip_faces({"fps": 2.0, "frames": 4, "people": people}, 80)
    assert [len(faces) for faces in capture.faces] == [2, 2, 2, 1]
    assert [(key.frame, key.time, key.label, key.tracks) for key in capture.key_frames] == [
        (1, 0.5, "happy", (0, 1)),
        (2, 1.0, "sad", (1, 0)),
    ]


def test_an_apex_out_of_sight_is_no_key_frame():
    person = {"face_boxes": [BOXES[0], None, None, None], "events": [EVENT]}
    assert clip_faces({"fps": 2.0, "frames": 4, **person}, 80).key_frames == ()
