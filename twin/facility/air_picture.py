"""Pictures and volume data of an air field, through PyVista."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from twin.errors import Fault
from twin.facility.air_hall import AirError
from twin.physics.constants import CELSIUS_ZERO_K

if TYPE_CHECKING:
    from twin.facility.air_field import AirField
    from twin.topology.geometry import Box

SLICE_M = 1.5
"""Height of the level slice above the floor [m]: near the top of a rack, where hot air comes over."""
COLOURS = "turbo"
SIZE_PX = (1800, 800)
HAZE = [0.0, 0.01, 0.04, 0.1, 0.2, 0.35]
"""Opacity of a metre of air from the supply to the outlets [1]."""
VOLUME_CELL_M = 0.15
"""Spacing of the even grid from which the volume is drawn [m]."""
_PAPER, _INK = "#fafbfc", "#1d2530"


def volume(field: AirField) -> Any:
    """Field as a PyVista grid of cells.

    Parameters
    ----------
    field : AirField
        From :func:`twin.facility.air_field.solve`.

    Returns
    -------
    pyvista.RectilinearGrid
        With ``temperature_k`` (NaN in solids), ``velocity_m_per_s`` and ``is_air`` in its cells.

    Raises
    ------
    MissingLibrary
        Without PyVista.
    """
    _headless().need_packages()
    import pyvista as pv

    grid = pv.RectilinearGrid(*field.grid.edges_m)
    grid.cell_data["temperature_k"] = field.temperature_k.ravel(order="F")
    grid.cell_data["is_air"] = np.isfinite(field.temperature_k).ravel(order="F").astype(np.uint8)
    grid.cell_data["velocity_m_per_s"] = field.velocity_m_per_s.reshape(-1, 3, order="F")
    return grid


def write_vtk(field: AirField, out: Path) -> Path:
    """Write the volume for ParaView and others.

    Parameters
    ----------
    field : AirField
        What to write.
    out : Path
        File that ends in .vtr.

    Raises
    ------
    AirError
        When the name has another ending, or the file cannot be written.
    MissingLibrary
        Without PyVista.
    """
    _check_ending(out, ".vtr", "--vtk")
    grid = volume(field)
    out.parent.mkdir(parents=True, exist_ok=True)
    grid.save(out)
    return out


def draw(field: AirField, out: Path) -> Path:
    """Draw the hall twice, as a level slice and as a volume of warm air, with racks in the colour of their inlets.

    Parameters
    ----------
    field : AirField
        What to draw.
    out : Path
        File that ends in .png.

    Raises
    ------
    AirError
        When the name has another ending.
    MissingLibrary
        Without PyVista, or where nothing can be drawn.
    """
    _check_ending(out, ".png", "--png")
    _headless().prepare()
    import pyvista as pv

    plotter: Any = pv.Plotter(shape=(1, 2), off_screen=True, window_size=list(SIZE_PX), border=False)
    try:
        _place(plotter, field)
        out.parent.mkdir(parents=True, exist_ok=True)
        plotter.screenshot(str(out))
    finally:
        plotter.close()
    return out


def _place(plotter: Any, field: AirField) -> None:
    """Put the slice into the left view and the volume into the right one."""
    low, high = _limits(field)
    x, y, _ = field.hall.size_m
    grid = volume(field).threshold(0.5, scalars="is_air")
    grid.cell_data["degc"] = grid.cell_data["temperature_k"] - CELSIUS_ZERO_K
    air = {"cmap": COLOURS, "clim": (low, high)}
    told = (f"air at {SLICE_M} m, containment: {field.containment}", "warm air, and inlets of the racks")
    for side in (0, 1):
        plotter.subplot(0, side)
        plotter.set_background(_PAPER)
        if side == 0:
            level = grid.slice(normal="z", origin=(x / 2, y / 2, SLICE_M))
            plotter.add_mesh(level, scalars="degc", lighting=False, scalar_bar_args=_bar("air [°C]"), **air)
        else:
            plotter.add_volume(
                _even(field, grid, low),
                scalars="warm",
                opacity=HAZE,
                opacity_unit_distance=1.0,
                shade=False,
                show_scalar_bar=False,
                **air,
            )
        _stand(plotter, field, has_bar=side == 1)
        plotter.add_text(told[side], position="upper_left", font_size=12, color=_INK)
        away = max(x, y)
        plotter.camera_position = [(-0.1 * x, -0.9 * away, 1.2 * away), (x / 2, y / 2, 0.0), (0, 0, 1)]
        plotter.reset_camera()
        plotter.camera.zoom(1.1)


def _even(field: AirField, grid: Any, low: float) -> Any:
    """Temperatures on an even grid, which is what volumes are drawn from; ``low`` in solids."""
    import pyvista as pv

    shape = [max(2, round(m / VOLUME_CELL_M) + 1) for m in field.hall.size_m]
    spacing = [m / (n - 1) for m, n in zip(field.hall.size_m, shape, strict=True)]
    found = pv.ImageData(dimensions=shape, spacing=spacing).sample(grid)
    found["warm"] = np.where(found["vtkValidPointMask"] > 0, found["degc"], low)
    return found


def _stand(plotter: Any, field: AirField, *, has_bar: bool) -> None:
    """Racks in the colour of their inlets, handlers and the rest in one tone."""
    import pyvista as pv

    base = field.hall.supply_k - CELSIUS_ZERO_K
    inlet = {rack.name: rack.inlet_k - CELSIUS_ZERO_K for rack in field.racks}
    limits = (base, max([base + 2.0, *inlet.values()]))
    colours = {"cmap": "YlOrRd", "clim": limits, "show_scalar_bar": has_bar}
    moving = [_body(rack.box) for rack in field.hall.racks if rack.name in inlet]
    still = [_body(rack.box) for rack in field.hall.racks if rack.name not in inlet]
    still += [_body(box) for box in (*(h.box for h in field.hall.handlers), *field.hall.solids)]
    for body, degrees in zip(moving, inlet.values(), strict=True):
        body.cell_data["inlet"] = np.full(body.n_cells, degrees)
    edges = {"show_edges": True, "edge_color": "#58616e", "lighting": False}
    if moving:
        plotter.add_mesh(
            pv.merge(moving, merge_points=False),
            scalars="inlet",
            scalar_bar_args=_bar("rack inlet [°C]"),
            **edges,
            **colours,
        )
    if still:
        plotter.add_mesh(pv.merge(still, merge_points=False), color="#cdd8e0", **edges)
    x, y, z = field.hall.size_m
    plotter.add_mesh(pv.Box((0.0, x, 0.0, y, 0.0, z)), style="wireframe", color=_INK, line_width=1)


def _bar(title: str) -> dict[str, Any]:
    """A colour bar along the lower edge."""
    return {
        "title": title, "color": _INK, "position_x": 0.35, "position_y": 0.02, "width": 0.3, "height": 0.08,
        "title_font_size": 16, "label_font_size": 14, "n_labels": 3, "fmt": "%.1f",
    }  # fmt: skip


def _body(box: Box) -> Any:
    import pyvista as pv

    return pv.Box(tuple(m for pair in zip(box.place, box.end, strict=True) for m in pair))


def _limits(field: AirField) -> tuple[float, float]:
    """Colours from the supply to the warmest outlet, at least 1 K apart [°C]."""
    low = field.hall.supply_k - CELSIUS_ZERO_K
    return low, max([low + 1.0, *(rack.outlet_k - CELSIUS_ZERO_K for rack in field.racks)])


def _check_ending(out: Path, ending: str, where: str) -> None:
    if out.suffix.lower() != ending:
        fault = Fault(
            "", 0, where, str(out), f"a name that ends in {ending}", f"write {out.stem or 'air'}{ending}"
        )
        raise AirError("the file has another ending", [fault])


def _headless() -> Any:
    """The viewer's way to find out what this machine can draw with."""
    from viz import headless

    return headless
