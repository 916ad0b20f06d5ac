"""Labels say what was recorded, of the thing that they stand on."""

import numpy as np
import pytest

from twin import results
from viz import look, tags
from viz.camera import corners_of, fit
from viz.reading import read_shown, read_site


def _labels(hall, quantity, write):
    opened = results.open_file(hall)
    site, shown = read_site(opened), read_shown(opened, quantity)
    opened.close()
    floor = site.assets["hall"]
    camera = fit(-70.0, 38.0, corners_of(floor.place, floor.size), (1920, 1080), (0, 0, 0, 0))
    colours, theme = look.colour_map(shown.quantity), look.theme("light")
    return site, camera, write(site, shown, colours, theme, camera)


def test_each_gpu_has_its_value_on_its_rack(hall, recorded):
    site, camera, found = _labels(hall, "gpu.temperature_k", tags.on_gpus)
    values = recorded.gpu_temperature_k[-1] - 273.15
    assert [label.text for label in found] == ["–" if np.isnan(v) else f"{v:.0f}" for v in values]
    racks = site.assets["rack"]
    at = camera.project(corners_of(racks.place, racks.size)).reshape(-1, 8, 2)
    for i, label in enumerate(found):
        low, high = at[i // 24].min(axis=0), at[i // 24].max(axis=0)
        assert (low <= label.at_px).all() and (label.at_px <= high).all()


def test_shown_equipment_says_its_value_first(hall):
    _, _, found = _labels(hall, "cdu.supply_k", tags.labels)
    above = [label.text for label in found if not label.room_px]
    assert above[:2] == ["CDU 1  40.0 °C", "CDU 2  40.0 °C"]
    assert {"UPS", "PDU", "Dry cooler", "Facility water"} <= set(above)
    assert [label.text for label in found if label.room_px] == [f"{i:02d}" for i in range(1, 9)] + ["N1"]


@pytest.mark.parametrize(("cables", "lines"), [(True, 3), (False, 0)])
def test_the_legend_names_what_is_drawn(hall, cables, lines):
    write = lambda site, shown, colours, theme, camera: tags.legend(site, shown, theme, cables)  # noqa: E731
    _, _, entries = _labels(hall, None, write)
    assert [name for name, _, mark in entries if mark == "box"] == ["network", "power", "liquid cooling"]
    assert sum(mark == "line" for _, _, mark in entries) == lines
