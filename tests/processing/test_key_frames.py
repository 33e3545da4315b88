import pytest

from emotion_qwen.processing.key_frames import Peak, select_key_frames

LABELS = ("happy", "sad", "neutral")
SETTINGS = {"max_key_frames": 4, "threshold": 0.5, "min_gap": 2, "neutral_weight": 0.5, "base": 0.8}


def timeline(*columns: list[float]) -> list[tuple[float, ...]]:
    """One person's scores from one series per label; labels left out are all zeros."""
    padded = [*columns, *([[0.0] * len(columns[0])] * (len(LABELS) - len(columns)))]
    return list(zip(*padded, strict=True))


def select(*columns: list[float], **changes: float) -> list[tuple[int, str, float]]:
    """Choose from one person's series."""
    peaks = select_key_frames({0: timeline(*columns)}, LABELS, **SETTINGS | changes)
    return [(peak.frame, peak.label, peak.score) for peak in peaks]


def test_peaks_come_in_the_order_of_time():
    assert select([0.1, 0.2, 0.1, 0.6, 0.3], [0.1, 0.9, 0.2, 0.0, 0.0]) == [(1, "sad", 0.9), (3, "happy", 0.6)]


def test_each_label_gets_its_best_peak_before_any_gets_a_second():
    happy = [0.9, 0.1, 0.8, 0.1, 0.1, 0.1]
    sad = [0.0, 0.0, 0.0, 0.1, 0.6, 0.1]
    assert select(happy, sad, max_key_frames=2) == [(0, "happy", 0.9), (4, "sad", 0.6)]
    assert select(happy, sad, max_key_frames=3) == [(0, "happy", 0.9), (2, "happy", 0.8), (4, "sad", 0.6)]


def test_no_two_key_frames_are_nearer_than_the_gap():
    happy = [0.9, 0.1, 0.8, 0.1, 0.7]
    assert [frame for frame, *_ in select(happy, min_gap=3)] == [0, 4]
    assert [frame for frame, *_ in select(happy, min_gap=1)] == [0, 2, 4]


def test_threshold_is_inclusive():
    assert select([0.1, 0.5, 0.1, 0.8, 0.1])[0] == (1, "happy", 0.5)


def test_a_plateau_counts_once_at_its_middle():
    assert select([0.2, 0.7, 0.7, 0.7, 0.2]) == [(2, "happy", 0.7)]
    assert select([0.7] * 9) == [(4, "happy", 0.7)]


def test_a_shoulder_is_not_a_peak():
    assert select([0.1, 0.7, 0.7, 0.9, 0.1]) == [(3, "happy", 0.9)]


def test_a_held_expression_counts_once_at_its_centre():
    held = [0.1, 0.9, 0.97, 0.96, 0.97, 0.99, 0.1]
    assert select(held) == [(3, "happy", 0.96)]
    assert select(held, base=1.0) == [(2, "happy", 0.97), (5, "happy", 0.99)]
    assert select(held, base=1.0, min_gap=4) == [(5, "happy", 0.99)]


def test_the_frames_under_the_base_do_not_move_a_peak():
    assert select([0.6, 0.6, 0.6, 0.6, 0.95]) == [(4, "happy", 0.95)]
    assert select([0.1, 0.9, 0.6, 0.85, 0.6], min_gap=1) == [(1, "happy", 0.9), (3, "happy", 0.85)]


def test_a_lower_peak_does_not_reach_into_a_higher_one():
    assert select([0.1, 0.5, 0.45, 0.9, 0.2], min_gap=1) == [(1, "happy", 0.5), (3, "happy", 0.9)]


def test_between_two_frames_the_centre_is_the_earlier_one():
    assert select([0.1, 0.8, 0.8, 0.1]) == [(1, "happy", 0.8)]


@pytest.mark.parametrize("base", [0.0, 0.5, 1.0])
def test_a_peak_ends_where_the_person_is_out_of_sight(base):
    assert select([0.9, 0.0, 0.0, 0.8, 0.8, 0.8], base=base) == [(0, "happy", 0.9), (4, "happy", 0.8)]


def test_a_peak_in_the_shadow_of_another_label_does_not_count():
    happy, sad = [0.2, 0.35, 0.2, 0.9, 0.1], [0.4, 0.55, 0.4, 0.0, 0.1]
    assert select(happy, sad, threshold=0.3) == [(1, "sad", 0.55), (3, "happy", 0.9)]


def test_neutral_pauses_do_not_count_beside_an_expression():
    happy, sad = [0.1, 0.1, 0.1, 0.1, 0.8], [0.0] * 5
    neutral = [0.9, 0.7, 0.9, 0.7, 0.1]
    assert select(happy, sad, neutral) == [(4, "happy", 0.8)]
    labels = [label for _, label, _ in select(happy, sad, neutral, neutral_weight=1.0)]
    assert labels == ["neutral", "neutral", "happy"]


def test_nothing_passes_so_the_best_face_frame_is_taken():
    assert select([0.1, 0.3, 0.2]) == [(1, "happy", 0.3)]


def test_the_best_face_frame_shows_an_expression_rather_than_a_pause():
    assert select([0.1, 0.4, 0.2], [0.0] * 3, [0.95, 0.3, 0.6]) == [(1, "happy", 0.4)]


def test_the_best_face_frame_is_named_after_what_leads_in_it():
    assert select([0.1, 0.3, 0.2], [0.0] * 3, [0.4, 0.45, 0.5]) == [(1, "neutral", 0.45)]
    assert select([0.1, 0.12, 0.1], [0.0] * 3, [0.7, 0.9, 0.8]) == [(1, "neutral", 0.9)]


@pytest.mark.parametrize("frames", [0, 1, 5])
def test_without_a_face_there_is_no_key_frame(frames):
    assert select_key_frames({}, LABELS, **SETTINGS) == []
    assert select_key_frames({0: ((0.0,) * 3,) * frames}, LABELS, **SETTINGS) == []


def test_ties_go_to_the_earlier_frame_then_to_the_lower_track():
    assert select([0.8, 0.1, 0.8, 0.1, 0.8], max_key_frames=1) == [(0, "happy", 0.8)]
    both = {7: timeline([0.1, 0.8, 0.1]), 3: timeline([0.1, 0.8, 0.1])}
    assert select_key_frames(both, LABELS, **SETTINGS) == [Peak(1, 3, "happy", 0.8)]


def test_everybody_gets_a_key_frame_before_anybody_gets_a_second():
    loud = timeline([0.9, 0.1, 0.1, 0.1, 0.9, 0.1, 0.1], [0.0, 0.1, 0.8, 0.1, 0.0, 0.0, 0.0])
    quiet = timeline([0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.6])
    people = {0: loud, 1: quiet}
    assert select_key_frames(people, LABELS, **SETTINGS | {"max_key_frames": 2}) == [
        Peak(0, 0, "happy", 0.9),
        Peak(6, 1, "happy", 0.6),
    ]
    peaks = select_key_frames(people, LABELS, **SETTINGS | {"max_key_frames": 3})
    assert [(peak.frame, peak.track, peak.label) for peak in peaks] == [
        (0, 0, "happy"),
        (2, 0, "sad"),
        (6, 1, "happy"),
    ]


def test_a_person_whose_height_another_one_outshines_is_found_all_the_same():
    constant, brief = timeline([0.9] * 7), timeline([0.0] * 7, [0.0, 0.0, 0.0, 0.0, 0.1, 0.6, 0.1])
    peaks = select_key_frames({0: constant, 1: brief}, LABELS, **SETTINGS)
    assert peaks == [Peak(3, 0, "happy", 0.9), Peak(5, 1, "sad", 0.6)]


def test_one_frame_serves_two_people_who_peak_together():
    first, second = timeline([0.1, 0.9, 0.1, 0.0]), timeline([0.0] * 4, [0.0, 0.1, 0.8, 0.1])
    assert select_key_frames({0: first, 1: second}, LABELS, **SETTINGS) == [Peak(1, 0, "happy", 0.9)]
