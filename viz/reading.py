"""Reads the site and one quantity out of a result file; never the requests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from twin.errors import Fault, ResultsError
from twin.quantities import QUANTITIES, Quantity
from twin.results import File
from viz import look
from viz.faces import UNITS
from viz.site import Assets, Shown, Site, nice_limits

# Coolant flows down this list on its way in, and up on its way back.
_COLD_ORDER = ("dry_cooler", "chiller", "facility_water", "chilled_water", "cdu", "crah", "rack")
_DRAWN_EDGES = ("power", "network")
_PREFERRED = ("rack.power_w", "gpu.power_w", "gpu.temperature_k")


def read_site(file: File) -> Site:
    """Return places, sizes and routes of a run.

    Parameters
    ----------
    file : File
        An opened result file.

    Raises
    ------
    ResultsError
        When no asset of it has a place.
    """
    groups = {kind: _assets(file.asset(kind)) for kind in file.kinds()}
    if not any(len(group) and kind not in look.UNDRAWN for kind, group in groups.items()):
        fault = Fault(
            str(file.path), 0, "assets", "no asset with a place", "a recorded site", "run the scenario again"
        )
        raise ResultsError("there is nothing to draw in this run", [fault])
    return Site(
        name=str(file.attrs.get("scenario") or Path(file.path).parent.name),
        start_iso=str(file.attrs.get("start", "")),
        assets=groups,
        segments=_segments(file, {name: kind for kind, group in groups.items() for name in group.ids}),
    )


def _assets(columns: Mapping[str, Any]) -> Assets:
    place, size = (np.asarray(columns[name], dtype=float).reshape(-1, 3) for name in ("place", "size"))
    parents = tuple(str(text).split(",", 1)[0] for text in columns["parents"])
    return Assets(tuple(columns["id"]), parents, place, size)


def _segments(file: File, kind_of: Mapping[str, str]) -> dict[str, np.ndarray]:
    """Straight pieces of all routes that lie outside of assets, by medium."""
    found: dict[str, list[np.ndarray]] = {}
    for kind in file.edge_kinds():
        if kind not in (*_DRAWN_EDGES, "coolant"):
            continue
        edges = file.edges(kind)
        for source, target, route in zip(edges.from_id, edges.to_id, edges.routes, strict=True):
            if len(route) < 2 or source.split("/", 1)[0] == target.split("/", 1)[0]:
                continue
            medium = _direction(kind_of, source, target) if kind == "coolant" else kind
            found.setdefault(medium, []).append(np.stack([route[:-1], route[1:]], axis=1))
    return {medium: np.concatenate(pieces).astype(float) for medium, pieces in found.items()}


def _direction(kind_of: Mapping[str, str], source: str, target: str) -> str:
    """Whether coolant goes in or comes back between two assets."""
    rank = {kind: i for i, kind in enumerate(_COLD_ORDER)}
    return (
        "supply" if rank.get(kind_of.get(source, ""), 0) < rank.get(kind_of.get(target, ""), 0) else "return"
    )


def drawable(file: File) -> tuple[str, ...]:
    """Recorded quantities of assets that have a body in the picture."""
    kinds = {kind for kind in file.kinds() if kind not in look.UNDRAWN or kind in UNITS or kind == "gpu"}
    return tuple(n for n in file.series_names() if n.split(".", 1)[0] in kinds and n in QUANTITIES)


def read_shown(
    file: File,
    quantity: str | None = None,
    at_s: float | None = None,
    limits: tuple[float, float] | None = None,
) -> Shown:
    """Return a quantity at an instant.

    Parameters
    ----------
    file : File
        An opened result file.
    quantity : str
        Recorded name; rack power if left out.
    at_s : float
        Instant [s]: the sample in which it lies is shown; the last one if left out.
    limits : tuple of float
        Ends of the colour bar in SI units; round numbers around the whole run if left out,
        so that pictures of different instants compare.

    Raises
    ------
    ResultsError
        When the quantity was not recorded or belongs to nothing that is drawn, when the instant was
        not recorded, or when the limits hold no range.
    """
    name = _choose(file, quantity)
    series, q = file.series(name), QUANTITIES[name]
    faults = [*_instant_faults(file, series.time_s, at_s), *_limit_faults(limits)]
    if faults:
        raise ResultsError("this instant cannot be shown", faults)
    row = len(series.time_s) - 1 if at_s is None else int(np.searchsorted(series.time_s, at_s - 1e-9))
    known = np.isfinite(series.values)
    count = known.sum(axis=1)
    total = series.values.sum(axis=1, where=known, dtype=float)
    mean = np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)
    ends = _shown(q, np.array(limits if limits else _range(series.values, known)))
    return Shown(
        quantity=q,
        ids=series.ids,
        values=_shown(q, series.values[row]),
        at_s=float(series.time_s[row]) if at_s is None else at_s,
        time_s=series.time_s,
        mean=_shown(q, mean),
        limits=(float(ends[0]), float(ends[1])) if limits else nice_limits(float(ends[0]), float(ends[1])),
    )


def _range(values: np.ndarray, known: np.ndarray) -> tuple[float, float]:
    """Lowest and highest known value; 0 and 1 where there is none."""
    if not known.any():
        return 0.0, 1.0
    return float(values.min(where=known, initial=np.inf)), float(values.max(where=known, initial=-np.inf))


def _shown(quantity: Quantity, values: np.ndarray) -> np.ndarray:
    return np.asarray(values, dtype=float) * quantity.scale + quantity.offset


def _choose(file: File, quantity: str | None) -> str:
    known = drawable(file)
    if quantity is None:
        quantity = next((n for n in (*_PREFERRED, *known) if n in known), None)
    if quantity in known:
        return str(quantity)
    if quantity in file.series_names():
        found, what = f"{quantity}, which belongs to nothing that is drawn", "a quantity of drawn assets"
    else:
        found, what = str(quantity or "none"), "a recorded quantity of drawn assets"
    expected = f"{what}: {', '.join(known) or 'none was recorded'}"
    mend = (
        f"write {_nearest(str(quantity), known)}"
        if known
        else "run the scenario again, with a sample period inside it"
    )
    raise ResultsError(
        "this quantity cannot be shown", [Fault(str(file.path), 0, "quantity", found, expected, mend)]
    )


def _nearest(name: str, known: tuple[str, ...]) -> str:
    import difflib

    return (difflib.get_close_matches(name, known, 1, 0.4) or known)[0]


def _instant_faults(file: File, time_s: np.ndarray, at_s: float | None) -> list[Fault]:
    if not len(time_s):
        found = "no sample: the run stopped before its first block"
        return [Fault(str(file.path), 0, "series", found, "at least one sample", "run the scenario again")]
    if at_s is None or 0.0 <= at_s <= time_s[-1] + 1e-9:
        return []
    expected = f"0 to {time_s[-1]:g} s" + ("" if file.complete else ", where this torso ends")
    return [Fault(str(file.path), 0, "at", f"{at_s:g} s", expected, f"write {time_s[-1]:g} s")]


def _limit_faults(limits: tuple[float, float] | None) -> list[Fault]:
    if limits is None or (np.isfinite(limits).all() and limits[0] < limits[1]):
        return []
    return [
        Fault("", 0, "limits", str(limits), "two finite numbers in SI units, lowest first", "leave them out")
    ]
