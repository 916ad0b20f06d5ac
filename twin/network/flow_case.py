"""Case files of flows: links, flows, dependencies and changes of capacity as JSON, read with all faults at once."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

from twin.errors import Fault
from twin.models.flows import FlowError

FRACTION_TOLERANCE = 1e-6
"""How far the fractions of a flow may be from 1 in sum: they are written with six digits or more."""

MOST_TEXT = 80
"""Characters of what was found in a fault."""

Case = str | PathLike[str] | Mapping[str, Any]


class Link(NamedTuple):
    """A directed link."""

    number: int
    capacity_bytes_per_s: float
    latency_s: float
    ends: tuple[Any, Any]


class FlowPath(NamedTuple):
    """One of the paths of a flow."""

    links: list[Link]
    fraction: float

    @property
    def latency_s(self) -> float:
        """Sum over its links [s]."""
        return math.fsum(link.latency_s for link in self.links)


class Flow(NamedTuple):
    """A flow of a case."""

    id: Any
    size_bytes: float
    start_at_s: float
    paths: list[FlowPath]
    cap_bytes_per_s: float
    weight: float
    after: list[int]


class Change(NamedTuple):
    """A change of capacity."""

    at_s: float
    link: int
    capacity_bytes_per_s: float


@dataclass(frozen=True)
class FlowCase:
    """A case as it was read.

    Parameters
    ----------
    name : str
        Of the case, or of its file.
    links : dict of str to Link
        By id.
    flows : list of Flow
        In the order of the file.
    changes : list of Change
        Of capacities.
    references_s : dict of str to list of float
        Completion times [s] that other simulators gave, in the order of the flows.
    """

    name: str
    links: dict[str, Link]
    flows: list[Flow]
    changes: list[Change]
    references_s: dict[str, list[float]] = field(default_factory=dict)

    @property
    def is_sprayed(self) -> bool:
        """Whether a flow has several paths."""
        return any(len(flow.paths) > 1 for flow in self.flows)


def read_case(case: Case) -> FlowCase:
    """Read a case and check it.

    Parameters
    ----------
    case : path or mapping
        A JSON file, or what stands in one: ``links`` (``id``, ``capacity_Bps``, ``latency_s``, optional ``src`` and
        ``dst``), ``flows`` (``id``, ``size_B``, ``start_s``, ``paths`` of ``links`` and ``fraction``, optional
        ``src``, ``dst``, ``rate_cap_Bps``, ``weight``, ``deps``), ``link_events`` (``time_s``, ``link``,
        ``capacity_Bps``). Other keys are left alone.

    Raises
    ------
    FlowError
        With all faults of the case.

    Examples
    --------
    >>> links = [{"id": "a>b", "capacity_Bps": 1e9, "latency_s": 1e-6}]
    >>> flows = [{"id": 0, "size_B": 1e6, "start_s": 0, "paths": [{"links": ["a>b"], "fraction": 1}]}]
    >>> read_case({"links": links, "flows": flows}).flows[0].paths[0].latency_s
    1e-06
    """
    if isinstance(case, Mapping):
        return _Reader("", case).read()
    file = Path(case)
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise _one(file, 0, "no such file", "a case file (JSON)", "give the path of one") from None
    except OSError as error:
        raise _one(file, 0, str(error.strerror), "a case file (JSON)", "give one that can be read") from None
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else 0
        raise _one(file, line, str(error), "JSON in UTF-8", "mend the file") from None
    if not isinstance(found, dict):
        raise _one(
            file, 1, type(found).__name__, "an object with links and flows", "see docs/network-flows.md"
        )
    return _Reader(str(file), found).read()


def _one(file: Path, line: int, found: str, expected: str, mend: str) -> FlowError:
    return FlowError("not a case of flows", [Fault(str(file), line, "", found, expected, mend)])


class _Reader:
    """Reads one case and keeps its faults."""

    def __init__(self, file: str, data: Mapping[str, Any]) -> None:
        self.file, self.data, self.faults = file, data, list[Fault]()
        self.links: dict[str, Link] = {}
        self.rows: dict[str, int] = {}

    def read(self) -> FlowCase:
        for i, row in enumerate(self._rows("links", self.data.get("links"))):
            self._link(f"links[{i}]", row)
        found = self._rows("flows", self.data.get("flows"))
        for i, row in enumerate(found):
            self._name(f"flows[{i}].id", row.get("id"), self.rows, i)
        flows = [self._flow(f"flows[{i}]", i, row) for i, row in enumerate(found)]
        events = self._rows("link_events", self.data.get("link_events") or [])
        changes = [self._change(f"link_events[{i}]", row) for i, row in enumerate(events)]
        self._cycles(flows)
        references = self._references(len(flows))
        if self.faults:
            raise FlowError("a case of flows with faults", self.faults)
        name = str(self.data.get("name") or Path(self.file).stem or "flows")
        return FlowCase(name, self.links, flows, changes, references)

    def _fault(self, where: str, found: Any, expected: str, mend: str) -> None:
        text = "nothing" if found is None else str(found)
        text = text if len(text) <= MOST_TEXT else text[:MOST_TEXT] + " …"
        self.faults.append(Fault(self.file, 0, where, text, expected, mend))

    def _rows(self, where: str, rows: Any) -> list[Mapping[str, Any]]:
        if not isinstance(rows, list | tuple):
            self._fault(where, rows, "a list of objects", "write one in brackets")
            return []
        wrong = [i for i, row in enumerate(rows) if not isinstance(row, Mapping)]
        for i in wrong:
            self._fault(f"{where}[{i}]", rows[i], "an object", "write it with braces")
        return [row if isinstance(row, Mapping) else {} for row in rows]

    def _number(
        self, where: str, value: Any, is_positive: bool = False, default: float | None = None
    ) -> float:
        if value is None and default is not None:
            return default
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and 0 <= value <= sys.float_info.max and (value > 0 or not is_positive):
            return float(value)
        expected = "a finite number above 0" if is_positive else "a finite number, at least 0"
        self._fault(where, value, expected, "give one in SI units (bytes, bytes/s, seconds)")
        return 1.0

    def _name(self, where: str, value: Any, known: Mapping[str, Any], row: int | None = None) -> bool:
        """Check an id, and keep the row of a flow by it."""
        if not isinstance(value, str | int) or isinstance(value, bool):
            self._fault(where, value, "text or a whole number", "give an id")
            return False
        if str(value) in known:
            self._fault(where, value, "an id of its own", "give another id")
            return False
        if row is not None:
            self.rows[str(value)] = row
        return True

    def _link(self, where: str, row: Mapping[str, Any]) -> None:
        is_new = self._name(f"{where}.id", row.get("id"), self.links)
        capacity = self._number(f"{where}.capacity_Bps", row.get("capacity_Bps"))
        latency_s = self._number(f"{where}.latency_s", row.get("latency_s"), default=0.0)
        if is_new:
            ends = (row.get("src"), row.get("dst"))
            self.links[str(row["id"])] = Link(len(self.links), capacity, latency_s, ends)

    def _flow(self, where: str, number: int, row: Mapping[str, Any]) -> Flow:
        return Flow(
            row.get("id"),
            self._number(f"{where}.size_B", row.get("size_B")),
            self._number(f"{where}.start_s", row.get("start_s"), default=0.0),
            self._paths(where, row),
            self._number(f"{where}.rate_cap_Bps", row.get("rate_cap_Bps"), True, math.inf),
            self._number(f"{where}.weight", row.get("weight"), True, 1.0),
            self._after(f"{where}.deps", number, row.get("deps") or []),
        )

    def _paths(self, where: str, row: Mapping[str, Any]) -> list[FlowPath]:
        rows = self._rows(f"{where}.paths", row.get("paths"))
        if row.get("paths") in ([], ()):
            self._fault(f"{where}.paths", "no path", "at least one", "list the links that the flow crosses")
        only = 1.0 if len(rows) == 1 else None
        paths = []
        for i, path in enumerate(rows):
            spot = f"{where}.paths[{i}]"
            fraction = self._number(f"{spot}.fraction", path.get("fraction"), default=only)
            links = self._crossed(f"{spot}.links", path.get("links"))
            self._check_chain(f"{spot}.links", links, row.get("src"), row.get("dst"))
            paths.append(FlowPath(links, fraction))
        total = math.fsum(path.fraction for path in paths)
        if rows and abs(total - 1.0) > FRACTION_TOLERANCE:
            self._fault(f"{where}.paths", f"fractions of {total:.9g} in sum", "1", "make them add up to 1")
        return [path for path in paths if path.fraction > 0.0]

    def _crossed(self, where: str, ids: Any) -> list[Link]:
        if not isinstance(ids, list | tuple):
            self._fault(where, ids, "a list of link ids", "list the links in order")
            return []
        try:
            return [self.links[i] for i in ids]
        except (KeyError, TypeError):  # an unknown link, or a number as id
            pass
        for unknown in dict.fromkeys(str(i) for i in ids if str(i) not in self.links):
            self._fault(where, unknown, "the id of a link", "add the link, or mend the id")
        return [self.links[str(i)] for i in ids if str(i) in self.links]

    def _check_chain(self, where: str, links: list[Link], src: Any, dst: Any) -> None:
        """Links must meet where both sides say what they join."""
        steps = zip(
            [src, *(link.ends[1] for link in links)], [*(link.ends[0] for link in links), dst], strict=True
        )
        for a, b in steps:
            if a != b and a is not None and b is not None:
                self._fault(where, f"a step from {a} to {b}", f"a path from {src} to {dst}", "join the links")
                return

    def _after(self, where: str, number: int, ids: Any) -> list[int]:
        if not isinstance(ids, list | tuple):
            self._fault(where, ids, "a list of flow ids", "write deps: []")
            return []
        for i in ids:
            row = self.rows.get(str(i))
            if row is None:
                self._fault(where, i, "the id of a flow", "add the flow, or take the id out")
            elif row == number:
                self._fault(where, i, "another flow", "a flow cannot wait for itself; take the id out")
        return [r for i in ids if (r := self.rows.get(str(i))) is not None and r != number]

    def _change(self, where: str, row: Mapping[str, Any]) -> Change:
        link = self.links.get(str(row.get("link")))
        if link is None:
            self._fault(f"{where}.link", row.get("link"), "the id of a link", "add the link, or mend the id")
        return Change(
            self._number(f"{where}.time_s", row.get("time_s")),
            link.number if link else 0,
            self._number(f"{where}.capacity_Bps", row.get("capacity_Bps")),
        )

    def _cycles(self, flows: list[Flow]) -> None:
        try:
            TopologicalSorter({i: flow.after for i, flow in enumerate(flows) if flow.after}).prepare()
        except CycleError as error:
            found = " waits for ".join(str(flows[i].id) for i in reversed(error.args[1]))
            self._fault("flows", found, "flows that can begin", "take one of these dependencies out")

    def _references(self, count: int) -> dict[str, list[float]]:
        given = self.data.get("reference_fct_s") or {}
        if not isinstance(given, Mapping):
            self._fault("reference_fct_s", given, "lists by simulator", "mend or leave it out")
            return {}
        found = {}
        for name, values in given.items():
            where = f"reference_fct_s.{name}"
            if not isinstance(values, list | tuple) or len(values) != count:
                self._fault(where, f"{len(values) if hasattr(values, '__len__') else values}",
                            f"one number a flow, {count}", "mend or leave it out")  # fmt: skip
            else:
                found[str(name)] = [self._number(where, value) for value in values]
        return found
