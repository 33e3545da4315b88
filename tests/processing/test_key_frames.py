import pytest

from emotion_qwen.processing.key_frames import Peak, select_key_frames

LABELS = ("happy", "sad", "neutral")


def select(*columns: list[float], **changes: float) -> list[Peak]:
    """Choose from one series of scores per label."""
    settings = {"max_key_frames": 4, "threshold": 0.5, "min_gap": 2, "neutral_weight": 0.5} | changes
    padded = [*columns, *([[0.0] * len(columns[0])] * (len(LABELS) - len(columns)))]
    return select_key_frames(tuple(zip(*padded, strict=True)), LABELS, **settings)


def test_peaks_come_in_the_order_of_time():
    assert select([0.1, 0.2, 0.1, 0.6, 0.3], [0.1, 0.9, 0.2, 0.0, 0.0]) == [
        Peak(1, "sad", 0.9),
        Peak(3, "happy", 0.6),
    ]


def test_each_label_gets_its_best_peak_before_any_gets_a_second():
    happy = [0.9, 0.1, 0.8, 0.1, 0.1, 0.1]
    sad = [0.0, 0.0, 0.0, 0.1, 0.6, 0.1]
    assert select(happy, sad, max_key_frames=2) == [Peak(0, "happy", 0.9), Peak(4, "sad", 0.6)]
    assert select(happy, sad, max_key_frames=3) == [
        Peak(0, "happy", 0.9),
        Peak(2, "happy", 0.8),
        Peak(4, "sad", 0.6),
    ]


def test_no_two_key_frames_are_nearer_than_the_gap():
    happy = [0.9, 0.1, 0.8, 0.1, 0.7]
    assert [peak.frame for peak in select(happy, min_gap=3)] == [0, 4]
    assert [peak.frame for peak in select(happy, min_gap=1)] == [0, 2, 4]


def test_threshold_is_inclusive():
    assert select([0.1, 0.5, 0.1, 0.8, 0.1])[0] == Peak(1, "happy", 0.5)


def test_a_plateau_counts_once_at_its_middle():
    assert select([0.2, 0.7, 0.7, 0.7, 0.2]) == [Peak(2, "happy", 0.7)]
    assert select([0.7] * 9) == [Peak(4, "happy", 0.7)]


def test_a_shoulder_is_not_a_peak():
    assert select([0.1, 0.7, 0.7, 0.9, 0.1]) == [Peak(3, "happy", 0.9)]


def test_neutral_pauses_do_not_count_beside_an_expression():
    happy, sad = [0.1, 0.1, 0.1, 0.1, 0.8], [0.0] * 5
    neutral = [0.9, 0.8, 0.9, 0.8, 0.1]
    assert select(happy, sad, neutral) == [Peak(4, "happy", 0.8)]
    assert [peak.label for peak in select(happy, sad, neutral, neutral_weight=1.0)] == ["neutral", "neutral", "happy"]


def test_nothing_passes_so_the_best_face_frame_is_taken():
    assert select([0.1, 0.3, 0.2]) == [Peak(1, "happy", 0.3)]


def test_the_best_face_frame_shows_an_expression_rather_than_a_pause():
    assert select([0.1, 0.4, 0.2], [0.0] * 3, [0.95, 0.3, 0.6]) == [Peak(1, "happy", 0.4)]


def test_the_best_face_frame_is_named_after_what_leads_in_it():
    assert select([0.1, 0.3, 0.2], [0.0] * 3, [0.4, 0.45, 0.5]) == [Peak(1, "neutral", 0.45)]
    assert select([0.1, 0.12, 0.1], [0.0] * 3, [0.7, 0.9, 0.8]) == [Peak(1, "neutral", 0.9)]


@pytest.mark.parametrize("frames", [0, 1, 5])
def test_without_a_face_there_is_no_key_frame(frames):
    assert select_key_frames(((0.0,) * 3,) * frames, LABELS, 4, 0.0, 1, 0.5) == []


def test_ties_go_to_the_earlier_frame():
    assert select([0.8, 0.1, 0.8, 0.1, 0.8], max_key_frames=1) == [Peak(0, "happy", 0.8)]
