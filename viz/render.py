"""Draws a result file: a 3D floor plan coloured by a recorded quantity at an instant."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from twin.errors import Fault, ResultsError
from viz import headless, look, scene, tags
from viz.camera import Camera, corners_of, fit
from viz.page import Page
from viz.site import Shown, Site

_FINER = 2  # drawn so many times larger and reduced: smooth edges for lines, faces and letters alike
_ANGLES = {"iso": (-70.0, 38.0), "hall": (-62.0, 36.0), "top": (-90.0, 90.0), "front": (-90.0, 14.0)}
_RACK_ANGLE = (-68.0, 16.0)
_FRAME = (60.0, 170.0, 210.0, 100.0)  # margins for title, colour bar and legend, at a height of 1080


@dataclass(frozen=True)
class Look:
    """How a picture is made; the choices of :func:`render` that do not depend on the instant."""

    view: str = "iso"
    size: tuple[int, int] = (1920, 1080)
    cables: bool = True
    labels: bool = True
    theme: str = "light"


def picture(site: Site, shown: Shown, style: Look) -> Any:
    """Return the finished picture (PIL.Image) of a site.

    Parameters
    ----------
    site : Site
        What stands where.
    shown : Shown
        The quantity at an instant.
    style : Look
        Camera, size and theme.

    Raises
    ------
    ResultsError
        For an unknown view, rack or theme, or a size that is not a picture.
    MissingLibrary
        Without PyVista or without OpenGL.
    """
    _check(style, site)
    theme, colours = look.theme(style.theme), look.colour_map(shown.quantity)
    if style.view.startswith("rack:"):
        site = _rack_and_neighbours(site, style.view[5:])
    elif style.view == "hall":
        site = _hall_alone(site)
    built = scene.build(site, shown, colours, theme, style.cables)
    camera = _camera(site, style)
    page = Page(_shoot(built, camera), theme)
    page.title(site, shown)
    page.course(shown)
    page.colour_bar(shown, colours)
    page.legend(tags.legend(site, shown, theme, style.cables))
    page.scale_bar(camera.m_per_px)
    if style.labels:
        page.keep_free(tags.faces(site, camera))
        page.labels(tags.labels(site, shown, colours, theme, camera))
    return page.image.reduce(_FINER)


def _check(style: Look, site: Site) -> None:
    racks = site.assets["rack"].ids if "rack" in site.assets else ()
    faults = []
    if style.view not in _ANGLES and style.view.removeprefix("rack:") not in racks:
        expected = f"{', '.join(_ANGLES)} or rack:<id>"
        mend = f"write iso or rack:{racks[0]}" if racks else "write iso"
        faults.append(Fault("", 0, "view", style.view, expected, mend))
    if not (200 <= style.size[0] <= 8192 and 200 <= style.size[1] <= 8192):
        found = "x".join(map(str, style.size))
        faults.append(Fault("", 0, "size", found, "200 to 8192 pixels each way", "write 1920x1080"))
    if faults:
        raise ResultsError("this picture cannot be drawn", faults)


def _rack_and_neighbours(site: Site, rack: str) -> Site:
    """Keep a rack and what stands right beside it in its row."""
    racks = site.assets["rack"]
    i = racks.ids.index(rack)
    reach = np.array([0.7, 0.05, 0.0]) if racks.size[i, 0] <= racks.size[i, 1] else np.array([0.05, 0.7, 0.0])
    return site.near(racks.place[i] - reach, racks.place[i] + racks.size[i] + reach + [0, 0, 1.0])


def _hall_alone(site: Site) -> Site:
    """Keep the hall and what is inside."""
    if "hall" not in site.assets:
        return site
    hall = site.assets["hall"]
    low, high = hall.place.min(axis=0), (hall.place + hall.size).max(axis=0)
    return site.near(low - 0.3, high + 0.3)


def _camera(site: Site, style: Look) -> Camera:
    """Fit what is shown between title, colour bar and legend."""
    size = (style.size[0] * _FINER, style.size[1] * _FINER)
    k = min(size[1] / 1080, size[0] / 1440)
    frame = (_FRAME[0] * k, _FRAME[1] * k, _FRAME[2] * k, _FRAME[3] * k)
    if style.view.startswith("rack:"):
        racks = site.assets["rack"]
        i = racks.ids.index(style.view[5:])
        corners = corners_of(racks.place[i : i + 1] - 0.25, racks.size[i : i + 1] + 0.5)
        return fit(*_RACK_ANGLE, corners, size, frame)
    return fit(*_ANGLES[style.view], scene.corners(site), size, frame)


def _shoot(built: scene.Scene, camera: Camera) -> Any:
    """Render the meshes alone."""
    headless.prepare()
    import pyvista as pv
    from PIL import Image

    plotter = pv.Plotter(off_screen=True, window_size=list(camera.size), lighting="none")
    try:
        plotter.render_window.SetMultiSamples(1)
        plotter.set_background(built.theme.paper)
        for direction, strength in (
            ((-0.35, -1.0, 1.3), 0.75),
            ((1.0, -0.2, 0.5), 0.42),
            ((0.2, 1.0, 0.8), 0.25),
        ):
            light = pv.Light(position=direction, focal_point=(0, 0, 0), intensity=strength)
            light.positional = False
            plotter.add_light(light)
        built.draw(plotter, line_px=1.2 * camera.size[1] / 1080)
        camera.apply(plotter, reach_m=500.0)
        plotter.renderer.ResetCameraClippingRange()
        return Image.fromarray(plotter.screenshot(return_img=True))
    finally:
        plotter.close()


def write(image: Any, out: str | Path) -> Path:
    """Write a picture as PNG (or what its name says) and return its path."""
    out = Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        image.save(out)
    except (OSError, ValueError) as error:
        fault = Fault(
            "",
            0,
            str(out),
            str(error),
            "a file name that can be written, such as hall.png",
            "choose another --out",
        )
        raise ResultsError("the picture cannot be written", [fault]) from None
    return out
