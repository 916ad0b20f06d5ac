"""Shapes stay with the box of their asset and stand the right way round."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from viz import look
from viz.shapes import SHAPES, shape

REACH_M = 0.25  # pipe stubs and reliefs may stick out so far
size = st.tuples(st.floats(0.5, 12), st.floats(0.5, 12), st.floats(1.0, 4.0))


@pytest.mark.parametrize("kind", [*SHAPES, "unheard-of"])
@given(size=size)
def test_a_shape_fills_its_box(kind, size):
    pieces = shape(kind, size)
    points = np.concatenate([p.points for p in pieces])
    assert np.isfinite(points).all()
    assert (points >= -REACH_M).all() and (points <= np.array(size) + REACH_M).all()
    assert (np.ptp(points, axis=0) >= 0.8 * np.array(size)).all()
    for piece in pieces:
        assert piece.faces.min() >= 0 and piece.faces.max() < len(piece.points)


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("theme", look.THEMES)
def test_every_tone_has_a_colour(kind, theme):
    family = look.FAMILY_OF.get(kind, "compute")
    for piece in shape(kind, (1.0, 2.0, 2.0)):
        assert look.theme(theme).tone(family, piece.tone).shape == (3,)


@pytest.mark.parametrize("kind", sorted(set(SHAPES) - {"rack", "network_rack"}))
def test_what_can_be_coloured_has_a_body(kind):
    assert any(piece.tone == "body" for piece in shape(kind, (2.0, 1.0, 2.0)))


def test_turning_an_asset_swaps_its_axes():
    along, across = shape("crah", (2.5, 1.0, 2.0)), shape("crah", (1.0, 2.5, 2.0))
    for a, b in zip(along, across, strict=True):
        np.testing.assert_allclose(a.points[:, [1, 0, 2]], b.points)
