import numpy as np
import pytest
from PIL import Image

from emotion_qwen.inference.prompts import EMOTION_LABELS
from emotion_qwen.train.known_faces import clip_faces
from emotion_qwen.train.still_clip import stills_as_clip
from emotion_qwen.train.synthetic.emotion_sentences import apex_moment


@pytest.mark.parametrize("shown, moment", [(0, "beginning"), (1, "middle"), (2, "end")])
def test_pictures_as_a_clip(shown, moment):
    views = [(Image.new("RGB", (80, 80), (number, 0, 0)), (10.0 + number, 20.0, 50.0, 60.0)) for number in range(3)]
    clip = stills_as_clip({"kind": "image", "label": "sad", "media": "itself"}, views, shown)
    assert (clip["kind"], clip["frames"], clip["fps"]) == ("video", 6, 3.0)
    assert [frame.getpixel((0, 0))[0] for frame in clip["media"]] == [0, 0, 1, 1, 2, 2]
    capture = clip_faces(clip, 80)
    (key,) = capture.key_frames
    assert (key.frame // 2, key.label, key.boxes) == (shown, "sad", (views[shown][1],))
    felt = ["sad" if number // 2 == shown else "neutral" for number in range(6)]
    assert [EMOTION_LABELS[np.argmax(face.probabilities)] for (face,) in capture.faces] == felt
    assert apex_moment(clip) == moment


def test_pictures_as_a_clip_in_which_no_face_is_found():
    views = [(Image.new("RGB", (80, 80)), (10.0, 20.0, 50.0, 60.0))]
    clip = stills_as_clip({"kind": "image", "label": "sad", "media": "itself"}, views, 0, found=False)
    assert clip_faces(clip, 80).key_frames == () and apex_moment(clip) is None
