import pytest
import torch
from torch import Tensor

from emotion_qwen.processing.face_appearance import describe_faces, likeness
from emotion_qwen.processing.face_tracking import assign_tracks, smooth_along_tracks

RED, BLUE, PALE = torch.eye(3).tolist()


def box(left: float, top: float = 0.0, size: float = 100.0) -> list[float]:
    return [left, top, left + size, top + size]


def tracks_of(*faces: tuple, max_gap: int = 3, cuts: tuple[int, ...] = (), reidentification: float = 0.8) -> list[int]:
    """Follow faces given as (frame, box) or (frame, box, look)."""
    boxes = torch.tensor([face[1] for face in faces]).reshape(-1, 4)
    looks = torch.tensor([face[2] if len(face) > 2 else RED for face in faces]).reshape(-1, 3)
    return assign_tracks([face[0] for face in faces], boxes, looks, list(cuts), 0.15, max_gap, reidentification)


def test_no_faces():
    assert tracks_of() == []


def test_two_people_keep_their_tracks_whatever_the_order_of_their_boxes():
    assert tracks_of((0, box(0)), (0, box(300)), (1, box(310)), (1, box(5)), (2, box(10)), (2, box(320))) == [
        0, 1, 1, 0, 0, 1,
    ]  # fmt: skip


def test_the_nearest_wins_and_a_track_is_used_once_per_frame():
    assert tracks_of((0, box(0)), (1, box(40)), (1, box(5))) == [0, 1, 0]


def test_a_short_gap_is_bridged_and_a_long_one_is_not():
    assert tracks_of((0, box(0)), (3, box(0)), reidentification=1.0, max_gap=3) == [0, 0]
    assert tracks_of((0, box(0), [0.9, 0.1, 0]), (4, box(0)), reidentification=1.0, max_gap=3) == [0, 1]


def test_a_jump_to_another_face_starts_a_new_track():
    assert tracks_of((0, box(0)), (1, box(350), BLUE)) == [0, 1]


def test_a_face_of_quite_another_size_is_another_one():
    assert tracks_of((0, box(0, size=100)), (1, box(45, 45, size=10))) == [0, 1]


def test_motion_is_predicted_so_that_a_fast_face_is_not_lost():
    # From 0.9 to 1.7 of its width per frame: its boxes hardly overlap, and then not at all.
    path = [(frame, box(70 * frame + 20 * frame**2)) for frame in range(4)]
    assert tracks_of(*path) == [0] * 4


def test_people_who_cross_keep_their_tracks_by_their_motion_and_their_look():
    faces = []
    for frame in range(9):
        faces += [(frame, box(50 * frame), RED), (frame, box(400 - 50 * frame, 8), BLUE)]
    assert tracks_of(*faces) == [0, 1] * 9


def test_people_who_look_alike_cross_by_their_motion():
    faces = []
    for frame in range(9):
        faces += [(frame, box(60 * frame)), (frame, box(480 - 60 * frame, 60))]
    assert tracks_of(*faces) == [0, 1] * 9


def test_a_person_hidden_behind_another_comes_out_with_the_same_track():
    seen = [(0, RED, 0), (0, BLUE, 300), (1, RED, 80), (1, BLUE, 220)]
    seen += [(2, RED, 160), (3, RED, 230)]  # the second is hidden for two frames
    seen += [(4, RED, 300), (4, BLUE, 0), (5, BLUE, -70), (5, RED, 370)]
    faces = [(frame, box(float(left)), look) for frame, look, left in seen]
    assert tracks_of(*faces) == [0, 1, 0, 1, 0, 0, 0, 1, 1, 0]


def test_a_cut_ends_the_tracks_of_people_who_look_different_after_it():
    faces = [(0, box(0), RED), (1, box(0), RED), (2, box(0), BLUE), (3, box(0), BLUE)]
    assert tracks_of(*faces, cuts=(2,)) == [0, 0, 1, 1]


def test_a_camera_that_returns_finds_the_same_person_again():
    faces = [(0, box(0), RED), (1, box(200), BLUE), (2, box(10), RED), (3, box(210), BLUE)]
    assert tracks_of(*faces, cuts=(1, 2, 3)) == [0, 1, 0, 1]
    assert tracks_of((0, box(0), [0.5, 0.5, 0]), (1, box(0), RED), cuts=(1,)) == [0, 1]


def test_a_cut_where_nothing_is_seen_counts_too():
    faces = [(0, box(0), [0.6, 0.4, 0]), (5, box(0), RED)]
    assert tracks_of(*faces, max_gap=9) == [0, 0]
    assert tracks_of(*faces, max_gap=9, cuts=(3,)) == [0, 1]


def test_a_face_never_joins_the_track_of_another_one_in_its_frame():
    generator = torch.Generator().manual_seed(0)
    faces = []
    for frame in range(6):
        for place in range(50):
            left, top = torch.randint(-9, 9, (2,), generator=generator).tolist()
            faces.append((frame, box(60.0 * (place % 10) + left, 60.0 * (place // 10) + top, 40)))
    tracks = tracks_of(*faces)
    assert tracks == list(range(50)) * 6


def test_smoothing_is_the_mean_of_neighbours_on_the_track():
    values = torch.tensor([[0.0], [10.0], [3.0], [20.0], [9.0]])
    smoothed = smooth_along_tracks(values, [0, 0, 1, 1, 2], [0, 1, 0, 1, 0], cuts=[], window=3)
    expected = [[1.0], [40 / 3], [4.0], [50 / 3], [7.0]]
    torch.testing.assert_close(smoothed, torch.tensor(expected))


def test_smoothing_does_not_reach_across_a_cut():
    values = torch.tensor([[0.0], [0.0], [9.0], [9.0]])
    assert torch.equal(smooth_along_tracks(values, [0, 1, 2, 3], [0] * 4, cuts=[2], window=3), values)


def test_smoothing_leaves_single_faces_and_window_one_alone():
    values = torch.rand(4, 7)
    assert torch.equal(smooth_along_tracks(values, [0, 1, 2, 3], [0, 1, 2, 3], cuts=[], window=5), values)
    assert torch.equal(smooth_along_tracks(values, [0, 1, 2, 3], [0, 0, 0, 0], cuts=[], window=1), values)


def test_smoothed_probabilities_still_sum_to_one():
    values = torch.rand(9, 7).softmax(dim=1)
    smoothed = smooth_along_tracks(values, list(range(9)), [0] * 9, cuts=[4], window=3)
    torch.testing.assert_close(smoothed.sum(dim=1), torch.ones(9))


def painted(*colours: tuple[int, int, int]) -> Tensor:
    """Frames (T, 3, 40, 60), each of one colour."""
    return torch.tensor(colours, dtype=torch.uint8)[:, :, None, None].expand(-1, -1, 40, 60)


def test_a_look_is_the_colours_inside_the_box():
    frames = painted((200, 30, 30), (30, 30, 200)).clone()
    frames[0, :, :20] = frames[1, :, :20]
    boxes = torch.tensor([[5.0, 0, 25, 20], [5.0, 20, 25, 40], [0.0, 0, 60, 40], [5.0, 0, 25, 20]])
    looks = describe_faces(frames, torch.tensor([0, 0, 0, 1]), boxes)
    torch.testing.assert_close(looks.sum(dim=1), torch.ones(4))
    expected = [[1, 0, 0.5, 1], [0, 1, 0.5, 0], [0.5, 0.5, 1, 0.5], [1, 0, 0.5, 1]]
    torch.testing.assert_close(likeness(looks, looks), torch.tensor(expected))


@pytest.mark.parametrize("place", [[0.0, 0, 1, 1], [59.5, 39.5, 60, 40], [0.0, 0, 60, 40], [3.0, 3, 3, 3]])
def test_a_look_needs_no_room(place):
    look = describe_faces(painted((1, 2, 3)), torch.tensor([0]), torch.tensor([place]))
    assert look.shape == (1, 512) and look.max() == 1


def test_no_faces_have_no_look():
    looks = describe_faces(painted((1, 2, 3)), torch.zeros(0, dtype=torch.long), torch.zeros(0, 4))
    assert looks.shape == (0, 512)
