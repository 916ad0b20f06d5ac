"""What is read from a result file, and what is said when it is not there."""

import numpy as np
import pytest

from twin import results
from twin.errors import ResultsError
from twin.results import File
from viz.reading import drawable, read_shown, read_site


@pytest.fixture
def file(hall, monkeypatch):
    for table in ("requests", "spans"):
        monkeypatch.setattr(File, table, lambda self: pytest.fail("millions of rows were read for a picture"))
    opened = results.open_file(hall)
    yield opened
    opened.close()


def test_a_site_has_its_assets_and_routes_by_medium(file, recorded):
    site = read_site(file)
    assert site.name == "small-hall"
    assert site.assets["rack"].ids == recorded.racks
    assert site.assets["gpu"].parents[0] == "rack-01/tray-1"
    pieces = {medium: len(ends) for medium, ends in site.segments.items()}
    assert pieces == {"supply": 24, "return": 24, "power": 2}  # what lies inside a rack is not drawn


@pytest.mark.parametrize(
    ("at_s", "row"), [(None, 5), (60.0, 5), (55.0, 5), (50.0, 4), (10.0, 0), (3.0, 0), (0.0, 0)]
)
def test_an_instant_shows_the_sample_in_which_it_lies(file, recorded, at_s, row):
    shown = read_shown(file, "rack.power_w", at_s)
    np.testing.assert_allclose(shown.values, recorded.rack_power_w[row] / 1e3, rtol=1e-6)


def test_the_scale_spans_the_run_so_that_instants_compare(file, recorded):
    early, late = read_shown(file, at_s=10.0), read_shown(file)
    assert early.quantity.name == "rack.power_w"
    assert early.limits == late.limits
    assert early.limits[0] <= 61.0 and early.limits[1] >= 73.0
    np.testing.assert_allclose(late.mean, recorded.rack_power_w.mean(axis=1) / 1e3, rtol=1e-6)


def test_people_read_degrees_and_what_was_not_recorded_stays_out(file, recorded):
    shown = read_shown(file, "gpu.temperature_k", limits=(300.0, 350.0))
    assert shown.limits == pytest.approx((26.85, 76.85))
    known = recorded.gpu_temperature_k[0] - 273.15
    np.testing.assert_allclose(shown.values, known, rtol=1e-5)
    assert shown.mean[0] == pytest.approx(np.nanmean(known), rel=1e-6)


def test_only_what_has_a_body_can_be_shown(file):
    assert set(drawable(file)) == {"rack.power_w", "gpu.temperature_k", "cdu.supply_k"}


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        ({"quantity": "rack.powr_w"}, "rack.power_w"),
        ({"quantity": "site.power_w"}, "drawn"),
        ({"at_s": 61.0}, "60"),
        ({"at_s": -1.0}, "60"),
        ({"at_s": float("nan")}, "60"),
        ({"limits": (5.0, 5.0)}, "lowest first"),
        ({"limits": (0.0, float("inf"))}, "finite"),
    ],
)
def test_a_wrong_wish_is_refused_with_a_mend(file, asked, word):
    with pytest.raises(ResultsError) as caught:
        read_shown(file, **asked)
    assert word in str(caught.value)
    assert all(fault.mend for fault in caught.value.faults)


def test_a_torso_without_samples_says_so(tmp_path, recorded):
    opened = results.open_file(recorded.write(tmp_path / "torso", samples=0, complete=False))
    with pytest.raises(ResultsError, match="first block"):
        read_shown(opened)
    opened.close()
