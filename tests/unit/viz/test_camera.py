"""Parallel cameras hold what they must hold, and keep lengths."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from viz.camera import axes, corners_of, fit

SIZE = (1600, 900)
FRAME = (60.0, 120.0, 200.0, 80.0)


@given(
    azimuth=st.floats(-180, 180),
    elevation=st.floats(5, 90),
    size=st.tuples(st.floats(0.1, 300), st.floats(0.1, 300), st.floats(0.1, 20)),
)
def test_everything_lies_in_the_frame_and_touches_it(azimuth, elevation, size):
    corners = corners_of(np.array([[3.0, -7.0, 1.0]]), np.array([size]))
    camera = fit(azimuth, elevation, corners, SIZE, FRAME)
    at = camera.project(corners)
    low, high = at.min(axis=0), at.max(axis=0)
    eps = 1e-6 * max(SIZE)
    assert low[0] >= FRAME[0] - eps and high[0] <= SIZE[0] - FRAME[2] + eps
    assert low[1] >= FRAME[1] - eps and high[1] <= SIZE[1] - FRAME[3] + eps
    filled = (high - low) / [SIZE[0] - FRAME[0] - FRAME[2], SIZE[1] - FRAME[1] - FRAME[3]]
    assert filled.max() == pytest.approx(1.0, abs=1e-6)


@given(azimuth=st.floats(-180, 180), elevation=st.floats(0, 90))
def test_axes_are_orthonormal_and_right_handed(azimuth, elevation):
    right, up, back = axes(azimuth, elevation)
    frame = np.array([right, up, back])
    np.testing.assert_allclose(frame @ frame.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(frame) == pytest.approx(1.0)
    assert up[2] >= -1e-12


def test_a_plan_is_drawn_to_scale_with_y_upwards():
    camera = fit(-90.0, 90.0, np.array([[0.0, 0, 0], [10, 5, 0]]), (1000, 1000), (0, 0, 0, 0))
    a, b, c = camera.project(np.array([[0.0, 0, 0], [4, 0, 0], [0, 4, 0]]))
    assert camera.m_per_px == pytest.approx(0.01)
    np.testing.assert_allclose(b - a, [400, 0], atol=1e-9)
    np.testing.assert_allclose(c - a, [0, -400], atol=1e-9)


@pytest.mark.parametrize("longest_px", [100, 333, 5000])
def test_tiles_cover_the_picture_and_show_the_same_points_at_the_same_places(longest_px):
    corners = corners_of(np.zeros((1, 3)), np.array([[3.0, 5.0, 2.0]]))
    whole = fit(-70.0, 38.0, corners, (640, 450), (10.0, 20.0, 30.0, 40.0))
    points, covered = np.random.default_rng(3).normal(size=(20, 3)), np.zeros((640, 450), dtype=int)
    for (x, y), part in whole.tiles(longest_px):
        assert max(part.size) <= longest_px
        assert part.project(points) + np.array([x, y]) == pytest.approx(whole.project(points), abs=1e-6)
        covered[x : x + part.size[0], y : y + part.size[1]] += 1
    assert (covered == 1).all()
