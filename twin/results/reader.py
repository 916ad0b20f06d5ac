"""Reads a result file, complete or torso; knows nothing of the simulator."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from twin.errors import Fault, ResultsError
from twin.quantities import QUANTITIES
from twin.results.layout import FORMAT, ROWS, SCHEMA_VERSION, TABLES, trace_path


class Series(NamedTuple):
    """A recorded quantity.

    Parameters
    ----------
    name, unit, kind, meaning : str
        As in the nomenclature: SI unit; mean, point or sum.
    time_s : array (time)
        Ends of the sample periods [s].
    ids : tuple of str (asset)
        Assets, in the order of the columns.
    values : array (time, asset)
        Values in the unit.
    """

    name: str
    unit: str
    kind: str
    meaning: str
    time_s: NDArray[np.float64]
    ids: tuple[str, ...]
    values: NDArray[np.float32]


class Edges(NamedTuple):
    """Edges of a kind: ids of both ends, medium, length [m], and routes, arrays (point, 3) [m]."""

    from_id: tuple[str, ...]
    to_id: tuple[str, ...]
    medium: tuple[str, ...]
    length_m: NDArray[np.float64]
    routes: list[NDArray[np.float32]]


def _strings(data: Any) -> tuple[str, ...]:
    return tuple(v.decode() for v in data[:])


class File:
    """An opened result file; columns are read when asked for.

    Parameters
    ----------
    path : Path
        The HDF5 file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = h5py.File(path, "r")
        self.attrs: dict[str, Any] = {
            k: v.item() if hasattr(v, "item") else v for k, v in self._file.attrs.items()
        }
        self.complete = bool(self.attrs.get("complete", False))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def scenario(self) -> str:
        """The resolved scenario as text."""
        return str(self._file["scenario"][()].decode())

    @property
    def overlays(self) -> list[str]:
        """Overlays that made it."""
        return list(json.loads(self._file["scenario"].attrs["overlays"]))

    @property
    def sources(self) -> tuple[str, ...]:
        """What to cite."""
        return _strings(self._file["sources"])

    def kinds(self) -> tuple[str, ...]:
        """Kinds of assets."""
        return tuple(self._file["assets"])

    def asset(self, kind: str) -> dict[str, Any]:
        """Columns of the assets of a kind: id, place, size, parents, catalog.

        Raises
        ------
        ResultsError
            When the site has no such asset.
        """
        group = self._file["assets"].get(kind)
        if group is None:
            raise self._unknown("asset kind", kind, self.kinds())
        texts = {name: _strings(group[name]) for name in ("id", "parents", "catalog")}
        return {**texts, "place": group["place"][:], "size": group["size"][:]}

    def edge_kinds(self) -> tuple[str, ...]:
        """Kinds of edges."""
        return tuple(self._file.get("edges", ()))

    def edges(self, kind: str) -> Edges:
        """Edges of a kind.

        Raises
        ------
        ResultsError
            When the site has no such edge.
        """
        if kind not in self.edge_kinds():
            raise self._unknown("edge kind", kind, self.edge_kinds())
        group = self._file[f"edges/{kind}"]
        points, starts = group["route_m"][:], group["route_start"][:]
        routes = [points[a:b] for a, b in itertools.pairwise(starts)]
        from_id, to_id, medium = (_strings(group[n]) for n in ("from_id", "to_id", "medium"))
        return Edges(from_id, to_id, medium, group["length_m"][:], routes)

    def series_names(self) -> tuple[str, ...]:
        """Recorded quantities."""
        return tuple(n for g in self._file.get("series", {}).values() for n in g if "." in n)

    def series(self, name: str) -> Series:
        """A recorded quantity.

        Raises
        ------
        ResultsError
            When it was not recorded.
        """
        group = next((g for g in self._file.get("series", {}).values() if name in g), None)
        if group is None and self._has_none(name):
            return self._of_nothing(name)
        if group is None:
            raise self._unknown("recorded quantity", name, self.series_names())
        data, rows = group[name], int(group.attrs[ROWS])
        ids = _strings(group[f"{name.split('.', 1)[0]}_id"])
        unit, kind, meaning = (str(data.attrs[k]) for k in ("units", "kind", "long_name"))
        return Series(name, unit, kind, meaning, group["time_s"][:rows], ids, data[:rows])

    def _has_none(self, name: str) -> bool:
        """Whether the site has no asset that could carry a quantity."""
        kind, kinds = name.split(".", 1)[0], self._file.get("assets", {})
        return name in QUANTITIES and kind in kinds and not len(kinds[kind]["id"])

    def _of_nothing(self, name: str) -> Series:
        groups, quantity = self._file.get("series", {}), QUANTITIES[name]
        time_s = next((g["time_s"][: int(g.attrs[ROWS])] for g in groups.values()), np.zeros(0))
        values = np.zeros((len(time_s), 0), dtype=np.float32)
        return Series(name, quantity.unit, quantity.kind, quantity.meaning, time_s, (), values)

    def period_s(self, name: str) -> float:
        """Sample period of a recorded quantity [s]."""
        groups = self._file.get("series", {}).values()
        return next(float(g.attrs["period_s"]) for g in groups if name in g)

    def requests(self) -> dict[str, NDArray[Any]]:
        """Columns of the requests that finished, were rejected, or are in the house at the end."""
        return self._columns("requests")

    def gaps(self) -> dict[str, Any]:
        """Columns of the gaps between tokens; empty in a file of the first layout."""
        return self._columns("gaps")

    def events(self) -> dict[str, Any]:
        """Columns of the events."""
        return self._columns("events")

    def spans(self) -> dict[str, Any]:
        """Columns of the spans; empty in batch fidelity."""
        return self._columns("spans")

    def jobs(self) -> dict[str, Any]:
        """Columns of the jobs; empty in a run without."""
        return self._columns("jobs")

    def tariff(self) -> dict[str, Any]:
        """Columns of prices and emissions in steps; empty in a file of an older layout."""
        return self._columns("tariff")

    def flows(self) -> dict[str, Any]:
        """Columns of the flows of other traffic; empty without any."""
        return self._columns("flows")

    def audit(self) -> dict[str, dict[str, float]]:
        """Balances by name, with in, out, inside and residual_rel; empty in a torso."""
        columns = self._columns("audit")
        names = columns.pop("name")
        return {name: {k: float(v[i]) for k, v in columns.items()} for i, name in enumerate(names)}

    def _columns(self, table: str) -> dict[str, Any]:
        group = self._file.get(table)
        rows = int(group.attrs[ROWS]) if group is not None else 0
        found: dict[str, Any] = {}
        for column in TABLES[table]:
            is_there = group is not None and (column.name in group or column.default is None)
            data = group[column.name][:rows] if is_there else column.missing(rows)
            found[column.name] = _strings(data) if column.dtype.startswith("S") else data
        return found

    def _unknown(self, what: str, name: str, known: tuple[str, ...]) -> ResultsError:
        import difflib

        near = difflib.get_close_matches(name, known, 1, 0.4)
        fault = Fault(
            str(self.path), 0, what, name, ", ".join(known), f"write {(near or known or ('another',))[0]}"
        )
        return ResultsError(f"no such {what} in this run", [fault])


def open_file(path: str | Path) -> File:
    """Open a result file.

    Parameters
    ----------
    path : path
        A run folder or its HDF5 file.

    Raises
    ------
    ResultsError
        When there is none, it is not one of ours, or a newer version wrote it.
    """
    file = trace_path(path)
    if not file.is_file():
        fault = Fault(
            str(path),
            0,
            "run",
            "no result file there",
            "a run folder with trace.h5",
            "run: twin run SCENARIO",
        )
        raise ResultsError("no such run", [fault])
    try:
        opened = File(file)
    except OSError as error:
        fault = Fault(
            str(file), 0, "run", str(error).splitlines()[0], "an HDF5 file", "run the scenario again"
        )
        raise ResultsError("a result file cannot be opened", [fault]) from None
    if opened.attrs.get("format") != FORMAT:
        fault = Fault(
            str(file), 0, "format", str(opened.attrs.get("format")), FORMAT, "give a run of this program"
        )
        raise ResultsError("an HDF5 file, but not a run", [fault])
    if int(opened.attrs["schema_version"]) > SCHEMA_VERSION:
        found = f"version {opened.attrs['schema_version']}"
        fault = Fault(
            str(file), 0, "layout", found, f"version {SCHEMA_VERSION} or older", "update this program"
        )
        raise ResultsError("a run of a newer program", [fault])
    return opened


def is_complete(path: str | Path) -> bool:
    """Whether a run is there and reached its end; never raises.

    Examples
    --------
    >>> is_complete("no/such/run")
    False
    """
    try:
        file = open_file(path)
    except ResultsError:
        return False
    complete = file.complete
    file.close()
    return complete
