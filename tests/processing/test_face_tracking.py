import torch

from emotion_qwen.processing.face_tracking import assign_tracks, smooth_along_tracks


def box(left: float, top: float = 0.0, size: float = 100.0) -> list[float]:
    return [left, top, left + size, top + size]


def tracks_of(*faces: tuple[int, list[float]], min_overlap: float = 0.3, max_gap: int = 3) -> list[int]:
    boxes = torch.tensor([coordinates for _, coordinates in faces]).reshape(-1, 4)
    return assign_tracks([frame for frame, _ in faces], boxes, min_overlap, max_gap)


def test_no_faces():
    assert tracks_of() == []


def test_two_people_keep_their_tracks_whatever_the_order_of_their_boxes():
    assert tracks_of((0, box(0)), (0, box(300)), (1, box(310)), (1, box(5)), (2, box(10)), (2, box(320))) == [
        0, 1, 1, 0, 0, 1,
    ]  # fmt: skip


def test_the_best_overlap_wins_and_a_track_is_used_once_per_frame():
    assert tracks_of((0, box(0)), (1, box(40)), (1, box(5))) == [0, 1, 0]


def test_a_short_gap_is_bridged_and_a_long_one_is_not():
    assert tracks_of((0, box(0)), (3, box(0)), max_gap=3) == [0, 0]
    assert tracks_of((0, box(0)), (4, box(0)), max_gap=3) == [0, 1]


def test_a_jump_starts_a_new_track():
    assert tracks_of((0, box(0)), (1, box(150))) == [0, 1]


def test_boxes_apart_never_match_even_without_a_limit():
    assert tracks_of((0, box(0)), (1, box(500)), min_overlap=0.0) == [0, 1]


def test_smoothing_is_the_mean_of_neighbours_on_the_track():
    values = torch.tensor([[0.0], [10.0], [3.0], [20.0], [9.0]])
    smoothed = smooth_along_tracks(values, [0, 1, 0, 1, 0], window=3)
    expected = [[1.0], [40 / 3], [4.0], [50 / 3], [7.0]]
    torch.testing.assert_close(smoothed, torch.tensor(expected))


def test_smoothing_leaves_single_faces_and_window_one_alone():
    values = torch.rand(4, 7)
    assert torch.equal(smooth_along_tracks(values, [0, 1, 2, 3], window=5), values)
    assert torch.equal(smooth_along_tracks(values, [0, 0, 0, 0], window=1), values)


def test_smoothed_probabilities_still_sum_to_one():
    values = torch.rand(9, 7).softmax(dim=1)
    smoothed = smooth_along_tracks(values, [0] * 9, window=3)
    torch.testing.assert_close(smoothed.sum(dim=1), torch.ones(9))
