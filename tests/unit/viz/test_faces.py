"""Fronts of racks: each GPU in its tray, each colour on the bar."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from twin.quantities import QUANTITIES
from viz import look
from viz.faces import gpu_cells, paint
from viz.site import Assets, Shown


def _shown(values, limits=(0.0, 10.0)):
    ids = tuple(f"rack-{i}" for i in range(len(values)))
    return Shown(QUANTITIES["rack.power_w"], ids, np.array(values), 0.0, np.zeros(1), np.zeros(1), limits)


def test_colours_are_those_of_the_bar_and_grey_where_nothing_is_known():
    theme, colours = look.theme("light"), look.colour_map(QUANTITIES["rack.power_w"])
    shown = _shown([0.0, 10.0, -5.0, 15.0, np.nan, 5.0])
    rgb = paint(shown, shown.values, colours, theme)
    np.testing.assert_array_equal(rgb[[0, 1, 2, 3]], colours[[0, 255, 0, 255]])
    np.testing.assert_array_equal(rgb[4], look.rgb(theme.metal))
    assert (rgb[5] == colours[127]).all() or (rgb[5] == colours[128]).all()


@given(st.integers(1, 5), st.integers(1, 8), st.randoms())
def test_cells_of_a_tray_stand_side_by_side_in_order(trays, per_tray, random):
    units = Assets(
        tuple(f"rack-1/tray-{t}" for t in range(trays)), ("rack-1",) * trays,
        np.array([[0.0, 0.0, 0.3 * t] for t in range(trays)]), np.tile([0.5, 1.0, 0.25], (trays, 1)),
    )  # fmt: skip
    spots = [(t, g) for t in range(trays) for g in range(per_tray)]
    random.shuffle(spots)
    gpus = Assets(
        tuple(f"rack-1/gpu-{t}-{g}" for t, g in spots), tuple(f"rack-1/tray-{t}" for t, _ in spots),
        np.array([[0.05 * g, 0.2, 0.3 * t] for t, g in spots]), np.full((len(spots), 3), 0.04),
    )  # fmt: skip
    cells = gpu_cells(units, gpus)
    left, right = cells.share
    assert (left >= 0).all() and (right <= 1).all() and (left < right).all()
    for t in range(trays):
        mine = [i for i, name in enumerate(cells.ids) if name.startswith(f"rack-1/gpu-{t}-")]
        mine.sort(key=lambda i: cells.ids[i])
        assert (right[mine][:-1] < left[mine][1:]).all()
        assert set(cells.unit[mine]) == {t}


def test_a_colour_map_brightens_all_the_way():
    for name in ("rack.power_w", "gpu.temperature_k", "replica.kv_frac"):
        colours = look.colour_map(QUANTITIES[name]).astype(float)
        luminance = colours @ [0.2126, 0.7152, 0.0722]
        assert colours.shape == (256, 3)
        assert (np.diff(luminance[::8]) > 0).all()
