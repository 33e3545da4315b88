import numpy as np

from emotion_qwen.train.synthetic.rasterizer import rasterize

SQUARE = np.array([[0.0, 0.0], [0.0, 8.0], [8.0, 8.0], [8.0, 0.0]])
FACING = np.array([[0, 1, 2], [0, 2, 3]])


def test_a_square_of_two_triangles_covers_every_pixel_once():
    fragments = rasterize(SQUARE, np.zeros(4), FACING, 8, 8)
    assert sorted(fragments.pixels) == list(range(64))
    np.testing.assert_allclose(fragments.weights.sum(1), 1, atol=1e-6)


def test_weights_interpolate_the_pixel_centre():
    fragments = rasterize(SQUARE, np.zeros(4), FACING, 8, 8)
    points = np.einsum("pc,pcd->pd", fragments.weights, SQUARE[FACING[fragments.triangles]])
    centres = np.stack([fragments.pixels % 8 + 0.5, fragments.pixels // 8 + 0.5], 1)
    np.testing.assert_allclose(points, centres, atol=1e-4)


def test_triangles_that_face_away_are_not_drawn():
    assert len(rasterize(SQUARE, np.zeros(4), FACING[:, ::-1], 8, 8).pixels) == 0


def test_the_nearer_triangle_wins_whatever_the_order():
    points = np.concatenate([SQUARE, SQUARE])
    depth = np.array([2.0] * 4 + [1.0] * 4)
    near_last = np.concatenate([FACING, FACING + 4])
    assert set(rasterize(points, depth, near_last, 8, 8).triangles) == {2, 3}
    assert set(rasterize(points, depth, near_last[::-1], 8, 8).triangles) == {0, 1}


def test_what_lies_outside_the_picture_is_cut_off():
    fragments = rasterize(SQUARE * 10 - 30, np.zeros(4), FACING, 6, 4)
    assert sorted(fragments.pixels) == list(range(24))
    assert len(rasterize(SQUARE + 100, np.zeros(4), FACING, 8, 8).pixels) == 0
