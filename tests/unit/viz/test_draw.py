"""Whole pictures: what is in the file is what is seen."""

import numpy as np
import pytest
from PIL import Image

import viz
from twin import results
from twin.errors import ResultsError
from twin.quantities import QUANTITIES
from viz import look
from viz.draw import Look, picture
from viz.reading import read_shown, read_site

pytestmark = pytest.mark.usefixtures("can_draw")
SIZE = (640, 360)


def _pixels(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def _count(pixels, rgb, tolerance=2):
    return int((np.abs(pixels - rgb).max(axis=2) <= tolerance).sum())


def test_rack_colours_are_exactly_those_of_the_bar(hall, recorded, tmp_path):
    path = viz.render(
        hall, tmp_path / "deep" / "plan.png", view="top", size=(960, 540), cables=False, labels=False
    )
    pixels = _pixels(path)[:, :800]  # the bar itself lies further right
    assert pixels.shape == (540, 800, 3)
    opened = results.open_file(hall)
    shown = read_shown(opened)
    opened.close()
    colours = look.colour_map(QUANTITIES["rack.power_w"])
    expected = colours[np.round(shown.shares(recorded.rack_power_w[-1] / 1e3) * 255).astype(int)]
    for rack, rgb in zip(recorded.racks, expected, strict=True):
        assert _count(pixels, rgb) > 100, rack


def test_the_instant_changes_the_racks(hall, tmp_path):
    early = viz.render(hall, tmp_path / "a.png", at_s=10.0, size=SIZE)
    late = viz.render(hall, tmp_path / "b.png", at_s=60.0, size=SIZE)
    assert (_pixels(early) != _pixels(late)).any(axis=2).mean() > 0.005


def test_the_same_picture_twice_is_the_same(hall, tmp_path):
    paths = [viz.render(hall, tmp_path / name, size=SIZE) for name in ("a.png", "b.png")]
    np.testing.assert_array_equal(_pixels(paths[0]), _pixels(paths[1]))


@pytest.mark.parametrize("view", ["hall", "front", "rack:rack-03"])
@pytest.mark.parametrize(("quantity", "theme"), [("gpu.temperature_k", "dark"), ("cdu.supply_k", "light")])
def test_every_view_draws(hall, view, quantity, theme):
    opened = results.open_file(hall)
    site, shown = read_site(opened), read_shown(opened, quantity)
    opened.close()
    image = picture(site, shown, Look(view=view, size=SIZE, theme=theme))
    assert image.size == SIZE
    paper = look.rgb(look.theme(theme).paper).astype(int)
    drawn = (np.abs(np.asarray(image).astype(int) - paper).max(axis=2) > 8).mean()
    assert 0.05 < drawn < 0.95


@pytest.mark.parametrize(
    "asked",
    [{"view": "side"}, {"view": "rack:rack-99"}, {"size": (10, 10)}, {"theme": "pink"}, {"quantity": "x.y"}],
)
def test_a_wrong_wish_is_refused_before_anything_is_drawn(hall, tmp_path, monkeypatch, asked):
    monkeypatch.setattr("viz.draw._shoot", lambda *args: pytest.fail("drew"))
    with pytest.raises(ResultsError) as caught:
        viz.render(hall, tmp_path / "no.png", **asked)
    assert caught.value.faults and not (tmp_path / "no.png").exists()


def test_a_name_that_is_no_picture_is_refused_before_anything_is_drawn(hall, tmp_path, monkeypatch):
    monkeypatch.setattr("viz.draw._shoot", lambda *args: pytest.fail("drew"))
    with pytest.raises(ResultsError, match="png"):
        viz.render(hall, tmp_path / "hall.xyz", size=SIZE)


def test_an_animation_has_a_frame_for_each_instant(hall, tmp_path):
    path = viz.animate(hall, tmp_path / "run.gif", every_s=25.0, size=(320, 240))
    with Image.open(path) as image:
        assert image.n_frames == 3
    with pytest.raises(ResultsError):
        viz.animate(hall, tmp_path / "run.gif", every_s=0.0)


def test_tiles_make_the_picture_that_one_shot_makes(hall, monkeypatch):
    opened = results.open_file(hall)
    site, shown = read_site(opened), read_shown(opened)
    opened.close()
    pictures = []
    for longest_px in (4000, 250):
        monkeypatch.setattr("viz.draw._TILE_PX", longest_px)
        pictures.append(np.asarray(picture(site, shown, Look(size=(400, 300))), dtype=int))
    apart = np.abs(pictures[0] - pictures[1]).max(axis=2)
    assert (apart > 8).mean() < 0.002
