"""Completion times of the flows of a case, and how far other simulators are from them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.errors import Fault
from twin.models.flows import FlowError, simulate
from twin.network.flow_case import Case, Flow, FlowCase, FlowPath, read_case

Floats = NDArray[np.float64]
SPLIT = "simgrid_maxmin"
"""Reference in which each path of a sprayed flow is a flow of its own."""

COUPLED = "simgrid_coupled"


@dataclass(frozen=True)
class FlowOptions:
    """How flows share links; as it stands, exact max-min fairness and nothing else.

    Parameters
    ----------
    window_s : float
        Least time between two times that rates are found anew [s]; 0 is exact.
    shares : {"coupled", "split"}, optional
        Whether the paths of a sprayed flow move in lock-step, which is fair to flows, or are flows of their own. Left
        out: coupled, unless the case brings references of split paths only.
    weighting : {"equal", "rtt"}
        Shares of a full link by the weights of the case alone, or these divided by the latency of the longest path.
    spray_efficiency : float
        Bytes that arrive per byte of capacity of flows with several paths, 0 to 1; 0.95 for adaptive routing and 0.91
        for blind spraying were seen at packet level.
    handshake_rtts : float
        Round trips before the first byte, at least 0.
    initial_window_bytes : float
        Bytes in the first round trip, doubled in each that follows until the path is full; infinite leaves it out.

    Raises
    ------
    FlowError
        With all that is out of range.

    Examples
    --------
    >>> FlowOptions(weighting="rtt").window_s
    0.0
    """

    window_s: float = 0.0
    shares: Literal["coupled", "split"] | None = None
    weighting: Literal["equal", "rtt"] = "equal"
    spray_efficiency: float = 1.0
    handshake_rtts: float = 0.0
    initial_window_bytes: float = math.inf

    def __post_init__(self) -> None:
        faults = [
            Fault("", 0, name, str(getattr(self, name)), expected, "mend the option")
            for name, is_right, expected in (
                ("window_s", 0.0 <= self.window_s < math.inf, "a time of at least 0 s"),
                ("shares", self.shares in {None, "coupled", "split"}, "coupled or split"),
                ("weighting", self.weighting in {"equal", "rtt"}, "equal or rtt"),
                ("spray_efficiency", 0.0 < self.spray_efficiency <= 1.0, "above 0, at most 1"),
                ("handshake_rtts", 0.0 <= self.handshake_rtts < math.inf, "at least 0"),
                ("initial_window_bytes", self.initial_window_bytes > 0.0, "above 0"),
            )
            if not is_right
        ]
        if faults:
            raise FlowError("options out of range", faults)


class FlowTimes(NamedTuple):
    """What became of the flows of a case.

    Parameters
    ----------
    case : FlowCase
        The case.
    released_at_s, finished_at_s : array (flow)
        Instants [s]; infinite where a flow never ends.
    """

    case: FlowCase
    released_at_s: Floats
    finished_at_s: Floats

    @property
    def fct_s(self) -> Floats:
        """Completion times (flow) [s]."""
        with np.errstate(invalid="ignore"):
            found = self.finished_at_s - self.released_at_s
        return np.where(np.isfinite(self.finished_at_s), found, np.inf)

    @property
    def by_id(self) -> dict[Any, float]:
        """Completion times [s] by id, in the order of the case."""
        return {flow.id: float(fct_s) for flow, fct_s in zip(self.case.flows, self.fct_s, strict=True)}


class FlowGap(NamedTuple):
    """How far a simulator is from the flow level, over the flows of a case.

    Parameters
    ----------
    reference : str
        Its name in the case.
    max_frac, mean_frac : float
        Largest and mean of abs(fct / reference - 1).
    bias_frac : float
        Mean completion time over that of the reference, less 1.
    """

    reference: str
    max_frac: float
    mean_frac: float
    bias_frac: float


def flow_completion_times(case: Case, **options: Any) -> dict[Any, float]:
    """Completion times of the flows of a case: end less start, or less release where flows wait for others.

    A flow first waits for the latency of its longest path, without load on any link, then moves at its max-min fair
    rate until its last byte.

    Parameters
    ----------
    case : path or mapping
        As :func:`twin.network.flow_case.read_case` takes it.
    **options
        Of :class:`FlowOptions`.

    Returns
    -------
    dict
        Seconds by flow id, in the order of the case; infinite for a flow that never ends.

    Raises
    ------
    FlowError
        With all faults of the case, or of the options.

    Examples
    --------
    >>> links = [{"id": "a>b", "capacity_Bps": 1e9, "latency_s": 1e-6}]
    >>> flows = [
    ...     {"id": i, "size_B": 1e6 * (i + 1), "start_s": 0, "paths": [{"links": ["a>b"], "fraction": 1}]}
    ...     for i in range(2)
    ... ]
    >>> {k: round(v, 9) for k, v in flow_completion_times({"links": links, "flows": flows}).items()}
    {0: 0.002001, 1: 0.003001}
    """
    return flow_times(case, FlowOptions(**options)).by_id


def flow_times(case: Case | FlowCase, options: FlowOptions = FlowOptions()) -> FlowTimes:
    """As :func:`flow_completion_times`, with instants and the case.

    Examples
    --------
    >>> flow_times({"links": [], "flows": []}).by_id
    {}
    """
    read = case if isinstance(case, FlowCase) else read_case(case)
    parts = _parts(read, options)
    owners = np.array([part.owner for part in parts], np.int64)
    first, links, shares, capacity = _crossings(read, parts, options)
    waits = _waits(read, owners)
    found = simulate(
        capacity, first, links, [p.size_bytes for p in parts], [p.flow.start_at_s for p in parts],
        delay_s=[_delay_s(p, options) for p in parts], parts=shares, weight=_weights(parts, options),
        cap_bytes_per_s=[math.inf if p.is_split else p.flow.cap_bytes_per_s for p in parts],
        after_first=waits[0], after=waits[1], change_at_s=[c.at_s for c in read.changes],
        change_link=[c.link for c in read.changes],
        change_capacity_bytes_per_s=[c.capacity_bytes_per_s for c in read.changes], window_s=options.window_s,
    )  # fmt: skip
    released_at_s, finished_at_s = np.zeros(len(read.flows)), np.zeros(len(read.flows))
    np.maximum.at(released_at_s, owners, found.released_at_s)
    np.maximum.at(finished_at_s, owners, found.finished_at_s)
    return FlowTimes(read, released_at_s, finished_at_s)


def errors(found: FlowTimes) -> list[FlowGap]:
    """Errors against every reference of a case, none of which was used.

    Examples
    --------
    >>> errors(flow_times({"links": [], "flows": []}))
    []
    """
    lines = []
    for name, values in found.case.references_s.items():
        if values:
            reference_s, fct_s = np.array(values), found.fct_s
            off = np.abs(fct_s - reference_s) / np.maximum(reference_s, 1e-300)
            bias = float(fct_s.mean() / reference_s.mean() - 1.0)
            lines.append(FlowGap(name, float(off.max()), float(off.mean()), bias))
    return lines


class _Part(NamedTuple):
    """What the simulator sees as one flow."""

    owner: int
    flow: Flow
    paths: list[FlowPath]
    size_bytes: float
    is_split: bool


def _parts(case: FlowCase, options: FlowOptions) -> list[_Part]:
    names = case.references_s
    shares = options.shares or ("split" if SPLIT in names and COUPLED not in names else "coupled")
    parts = []
    for i, flow in enumerate(case.flows):
        if shares == "split" and len(flow.paths) > 1:
            for path in flow.paths:
                whole = FlowPath(path.links, 1.0)
                parts.append(_Part(i, flow, [whole], path.fraction * flow.size_bytes, True))
        else:
            parts.append(_Part(i, flow, flow.paths, flow.size_bytes, False))
    return parts


def _crossings(
    case: FlowCase, parts: list[_Part], options: FlowOptions
) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats, list[float]]:
    """What each part crosses; the cap of a split flow is a link of its own that its paths share."""
    capacity = [link.capacity_bytes_per_s for link in case.links.values()]
    private: dict[int, int] = {}
    counts, links, shares = [0], list[int](), list[float]()
    for part in parts:
        is_sprayed = part.is_split or len(part.paths) > 1
        taken = 1.0 / options.spray_efficiency if is_sprayed else 1.0
        for path in part.paths:
            links += [link.number for link in path.links]
            shares += [path.fraction * taken] * len(path.links)
        if part.is_split and part.flow.cap_bytes_per_s < math.inf:
            if part.owner not in private:
                private[part.owner] = len(capacity)
                capacity.append(part.flow.cap_bytes_per_s)
            links.append(private[part.owner])
            shares.append(1.0)
        counts.append(len(links))
    return np.array(counts, np.int64), np.array(links, np.int64), np.array(shares, float), capacity


def _latency_s(part: _Part) -> float:
    return max((path.latency_s for path in part.paths), default=0.0)


def _weights(parts: list[_Part], options: FlowOptions) -> list[float]:
    if options.weighting == "equal":
        return [part.flow.weight for part in parts]
    without = [part for part in parts if _latency_s(part) == 0.0]
    if without:
        raise FlowError("no weights by latency", [
            Fault("", 0, f"flow {part.flow.id}", "a path without latency", "latency above 0 for weighting by RTT",
                  "give its links a latency, or take equal weighting") for part in without
        ])  # fmt: skip
    return [part.flow.weight / _latency_s(part) for part in parts]


def _delay_s(part: _Part, options: FlowOptions) -> float:
    """Latency of the longest path and start-up."""
    latency_s = _latency_s(part)
    rtt_s = 2.0 * latency_s
    delay_s = latency_s + options.handshake_rtts * rtt_s
    line = min([link.capacity_bytes_per_s for path in part.paths for link in path.links] or [0.0])
    line = min(line, part.flow.cap_bytes_per_s)
    first_bytes = options.initial_window_bytes
    if line <= 0.0 or rtt_s <= 0.0 or line * rtt_s <= first_bytes:
        return delay_s
    ramp_bytes = min(part.size_bytes, line * rtt_s - first_bytes)  # sent before the path is full
    return delay_s + rtt_s * math.log2(1.0 + ramp_bytes / first_bytes) - ramp_bytes / line


def _waits(case: FlowCase, owners: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each part, all parts of the flows that it waits for."""
    begins = np.searchsorted(owners, np.arange(len(case.flows) + 1))
    counts, after = [0], list[int]()
    for owner in owners:
        for earlier in case.flows[owner].after:
            after += range(begins[earlier], begins[earlier + 1])
        counts.append(len(after))
    return np.array(counts, np.int64), np.array(after, np.int64)
