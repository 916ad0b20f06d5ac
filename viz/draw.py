"""Draws a result file: a 3D floor plan coloured by a recorded quantity at an instant."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from twin import results
from twin.errors import Fault, ResultsError
from viz import headless, look, scene, tags
from viz.camera import Camera, corners_of, fit
from viz.page import Page
from viz.reading import read_shown, read_site
from viz.site import Shown, Site

_FINER = 2  # drawn so many times larger and reduced: smooth edges for lines, faces and letters alike
_TILE_PX = 800  # longest side of what is rendered at once
_ANGLES = {"iso": (-70.0, 38.0), "hall": (-62.0, 40.0), "top": (-90.0, 90.0), "front": (-90.0, 20.0)}
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
    site = _part(site, style.view)
    built = scene.build(site, shown, colours, theme, style.cables)
    camera = _camera(site, style)
    page = Page(_shoot(built, camera), theme)
    page.title(site, shown, style.view[5:] if style.view.startswith("rack:") else "")
    page.course(shown)
    page.colour_bar(shown, colours)
    page.legend(tags.legend(site, shown, theme, style.cables))
    page.scale_bar(camera.m_per_px)
    if style.labels:
        page.keep_free(tags.faces(site, camera))
        page.labels(tags.labels(site, shown, colours, theme, camera))
        if style.view.startswith("rack:"):
            page.labels(tags.on_gpus(site, shown, colours, theme, camera))
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


def _part(site: Site, view: str) -> Site:
    """Keep what a view shows: all, the hall, its rows without what stands before them, or one rack."""
    if view.startswith("rack:"):
        return _rack_and_neighbours(site, view[5:])
    if view not in ("hall", "front") or "hall" not in site.assets:
        return site
    hall = site.assets["hall"]
    low, high = hall.place.min(axis=0) - 0.3, (hall.place + hall.size).max(axis=0) + 0.3
    if view == "front" and "rack" in site.assets:
        low[1] = site.assets["rack"].place[:, 1].min() - 0.3
    return site.near(low, high)


def _rack_and_neighbours(site: Site, rack: str) -> Site:
    """Keep a rack and the racks right beside it, with what is inside them."""
    racks = site.assets["rack"]
    i = racks.ids.index(rack)
    gap = np.abs(racks.middle - racks.middle[i])[:, :2] - (racks.size + racks.size[i])[:, :2] / 2
    beside = tuple(name for name, near in zip(racks.ids, gap.max(axis=1) < 0.1, strict=True) if near)
    return site.within(beside, reach_m=0.8)


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
    azimuth, elevation = _ANGLES[style.view]
    turns = (0.0, 12.0, 24.0, 36.0) if style.view == "iso" else (0.0,)
    fits = [fit(azimuth + turn, elevation, scene.corners(site), size, frame) for turn in turns]
    return min(fits, key=lambda camera: camera.m_per_px)


def _shoot(built: scene.Scene, camera: Camera) -> Any:
    """Render the meshes alone, tile by tile: buffers of the whole picture take half a gigabyte."""
    headless.prepare()
    import pyvista as pv
    from PIL import Image

    tiles = camera.tiles(_TILE_PX)
    plotter: Any = pv.Plotter(off_screen=True, window_size=list(tiles[0][1].size), lighting="none")
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
        image = Image.new("RGB", camera.size)
        for corner, part in tiles:
            part.apply(plotter, reach_m=500.0)
            plotter.renderer.ResetCameraClippingRange()
            plotter.render()
            image.paste(Image.fromarray(plotter.screenshot(return_img=True)), corner)
        return image
    finally:
        plotter.close()


def _check_name(out: Path) -> None:
    """Refuse a name that says no format of pictures, before time is spent on drawing."""
    from PIL import Image

    if out.suffix.lower() not in Image.registered_extensions():
        expected = "an ending that names a format of pictures, such as .png"
        fault = Fault("", 0, "out", str(out), expected, f"write {out.stem or 'hall'}.png")
        raise ResultsError("no picture has such a name", [fault])


def _write(image: Any, out: Path, **options: Any) -> Path:
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        image.save(out, **options)
    except (OSError, ValueError) as error:
        fault = Fault("", 0, "out", f"{out}: {error}", "a place that can be written", "choose another place")
        raise ResultsError("the picture cannot be written", [fault]) from None
    return out


def render(
    run: str | Path,
    out: str | Path,
    *,
    quantity: str | None = None,
    at_s: float | None = None,
    view: str = "iso",
    size: tuple[int, int] = (1920, 1080),
    cables: bool = True,
    labels: bool = True,
    theme: str = "light",
    limits: tuple[float, float] | None = None,
    show: bool = False,
) -> Path:
    """Draw a 3D floor plan of a run, coloured by a recorded quantity at an instant.

    Parameters
    ----------
    run : path
        Run folder or its result file.
    out : path
        Picture to write; its ending names the format.
    quantity : str
        Recorded name such as ``gpu.temperature_k``; ``rack.power_w`` if left out.
    at_s : float
        Instant [s] from the start of the run; the last sample if left out.
    view : str
        ``iso``, ``top``, ``hall`` (without plant outside), ``front`` (the rows alone) or ``rack:<id>``.
    size : tuple of int
        Width and height [px], 200 to 8192.
    cables, labels : bool
        Whether routes and labels are drawn.
    theme : {"light", "dark"}
        Colours of the page.
    limits : tuple of float
        Ends of the colour bar in SI units; round numbers around the whole run if left out.
    show : bool
        Whether the picture is also opened in the viewer of the desktop.

    Returns
    -------
    Path
        ``out``.

    Raises
    ------
    ResultsError
        When the run cannot be read, or what was asked for is not in it.
    MissingLibrary
        Without PyVista or without OpenGL, with the line that installs it.
    """
    headless.need_packages()
    _check_name(Path(out))
    file = results.open_file(run)
    try:
        site, shown = read_site(file), read_shown(file, quantity, at_s, limits)
    finally:
        file.close()
    image = picture(site, shown, Look(view, size, cables, labels, theme))
    if show:
        image.show(title=site.name)
    return _write(image, Path(out))


def animate(
    run: str | Path,
    out: str | Path,
    *,
    quantity: str | None = None,
    every_s: float = 60.0,
    frame_s: float = 0.12,
    size: tuple[int, int] = (1280, 720),
    view: str = "iso",
    theme: str = "light",
) -> Path:
    """Write a GIF of a quantity over the whole run, under one colour scale.

    Parameters
    ----------
    run, out : path
        Run folder or result file, and the GIF to write.
    quantity : str
        As in :func:`render`.
    every_s : float
        Simulated time between two frames [s], above 0.
    frame_s : float
        Time that each frame is shown [s].
    size, view, theme
        As in :func:`render`.

    Raises
    ------
    ResultsError, MissingLibrary
        As in :func:`render`.
    """
    if not every_s > 0.0:
        fault = Fault("", 0, "every_s", str(every_s), "a time above 0 s", "write 60")
        raise ResultsError("this animation cannot be made", [fault])
    headless.need_packages()
    file = results.open_file(run)
    try:
        site, last = read_site(file), read_shown(file, quantity)
        instants = [*np.arange(last.time_s[0], last.at_s, every_s), last.at_s]
        shown = [read_shown(file, last.quantity.name, float(at)) for at in instants]
    finally:
        file.close()
    images = [picture(site, each, Look(view, size, theme=theme)) for each in shown]
    more = {"save_all": True, "append_images": images[1:], "duration": round(frame_s * 1000), "loop": 0}
    return _write(images[0], Path(out).with_suffix(".gif"), **more)
