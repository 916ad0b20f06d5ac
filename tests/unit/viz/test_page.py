"""What is written over the picture: round numbers, and labels that never cover each other."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from viz import look
from viz.page import Label, Page
from viz.site import nice_limits, nice_step

values = st.floats(-1e9, 1e9, allow_nan=False)


def _page():
    return Page(Image.new("RGB", (1920, 1080)), look.theme("light"))


@given(values, values)
def test_limits_are_round_and_hold_the_range(a, b):
    low, high = min(a, b), max(a, b)
    ends = nice_limits(low, high)
    slack = 1e-6 * max(abs(low), abs(high), 1.0)
    assert ends[0] <= low + slack and ends[1] >= high - slack
    assert ends[0] < ends[1]


@given(st.floats(1e-9, 1e9))
def test_a_step_is_round_and_not_smaller(step):
    nice = nice_step(step)
    assert step * (1 - 1e-8) <= nice <= 2.5 * step
    mantissa = nice / 10 ** np.floor(np.log10(nice) + 1e-9)
    assert min(abs(mantissa - m) for m in (1, 2, 2.5, 5)) < 1e-6


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 1920), st.integers(0, 1080)), max_size=40))
def test_tags_never_overlap(points):
    page = _page()
    stand = page.labels([Label(f"CDU {i}", (float(x), float(y))) for i, (x, y) in enumerate(points)])
    boxes = page.taken
    assert stand == len(boxes) <= len(points)
    for i, a in enumerate(boxes):
        assert a[0] >= 0 and a[2] <= 1920 and a[1] >= 0
        for b in boxes[:i]:
            assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]


def test_a_tag_stays_off_what_is_kept_free():
    page = _page()
    page.keep_free(np.array([[0.0, 0.0, 1920.0, 1080.0]]))
    assert page.labels([Label("CDU 1", (900.0, 500.0))]) == 0


def test_a_number_is_written_onto_a_roof_only_where_it_fits():
    page = _page()
    assert page.labels([Label("07", (900.0, 500.0), room_px=60.0, on=(255, 255, 0))]) == 1
    assert np.asarray(page.image)[490:510, 880:920].max() > 0
    assert page.labels([Label("1234567", (200.0, 500.0), room_px=12.0)]) == 0
