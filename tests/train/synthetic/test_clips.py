import time

import av
import numpy as np
import pytest

from emotion_qwen.train.synthetic.clips import sample_clip
from emotion_qwen.train.synthetic.performance import Performance, plan_events
from emotion_qwen.train.synthetic.video_writing import write_mp4


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("frames", [4, 5, 12, 31, 150])
@pytest.mark.parametrize("labels", [["happy"], ["sad", "fear", "angry"]])
def test_events_follow_each_other(frames, labels):
    if frames < 4 * len(labels):
        with pytest.raises(ValueError, match="too few"):
            plan_events(rng(), labels, frames)
        return
    events = plan_events(rng(), labels, frames)
    assert [event.expression.label for event in events] == labels
    edge = 0
    for event in events:
        assert event.onset == edge < event.apex < event.offset
        assert 0 <= event.hold < event.offset - event.apex
        edge = event.offset
    assert edge == frames


def performance(blink: float) -> Performance:
    """Surprise in nine frames, three a second, with one blink."""
    return Performance(plan_events(rng(), ["surprise"], 9), 3.0, {}, np.array([blink]), np.zeros(3))


def test_a_face_shows_most_at_the_apex_and_nothing_at_the_start():
    played = performance(blink=100.0)
    shown = [sum(played.units(frame).values()) for frame in range(9)]
    assert int(np.argmax(shown)) == played.events[0].apex
    assert shown[0] == pytest.approx(0)


def test_a_blink_closes_the_eyes_and_never_hides_an_apex():
    apex = performance(blink=0.0).events[0].apex
    assert performance(blink=0.0).units(0)["eyeBlinkLeft"] == pytest.approx(0.9)
    assert performance(blink=apex / 3.0).units(apex)["eyeBlinkLeft"] == 0


def test_a_clip_has_the_truth_of_every_frame_and_is_repeatable(head):
    clip = sample_clip(rng(), head, ["surprise"], frames=9, size=(64, 64))
    assert clip.frames.shape == (9, 64, 64, 3)
    assert clip.frames.dtype == np.uint8
    assert len(clip.face_boxes) == 9
    assert clip.strongest.apex == clip.events[0].apex
    again = sample_clip(rng(), head, ["surprise"], frames=9, size=(64, 64))
    assert clip.frames.tobytes() == again.frames.tobytes()


def test_mp4_has_the_frames_and_the_rate_and_is_repeatable(tmp_path):
    frames = np.zeros((7, 32, 48, 3), np.uint8)
    frames[..., 0] = (np.arange(7) * 30)[:, None, None]
    for name in ("one.mp4", "two.mp4"):
        write_mp4(tmp_path / name, frames, fps=12.5)
        time.sleep(1.1)  # the container's clock counts seconds
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "two.mp4").read_bytes()
    with av.open(str(tmp_path / "one.mp4")) as container:
        assert float(container.streams.video[0].average_rate) == pytest.approx(12.5)
        decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(decoded) == 7
    assert np.abs(np.stack(decoded).astype(int) - frames).mean() < 6
