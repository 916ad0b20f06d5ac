"""Links and switches down: what is cut off, what bandwidth is left, and which jobs slow down by how much."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from twin.errors import Fault, ScenarioError
from twin.rng import stream
from twin.topology.fabric.arrays import Fabric, Floats, Ints
from twin.topology.fabric.jobs import Traffic
from twin.topology.fabric.routing import Routes, routes

if TYPE_CHECKING:
    from scipy.sparse import csr_array

UNITS = 2_000_000_000
"""Most steps into which the largest flow may be cut: flows are whole numbers of 32 bits."""

STEPS = 1000
"""Steps of a line."""


@dataclass(frozen=True)
class JobEffect:
    """What a failure does to a job.

    Parameters
    ----------
    name : str
    gpus : int
    slow_down : float
        Time of its all-to-all after over before [1]; infinite where adapters of it have no way to each other.
    stranded_gpus : int
        GPUs of it with an adapter that reaches no other.
    """

    name: str
    gpus: int
    slow_down: float
    stranded_gpus: int


@dataclass(frozen=True, eq=False)
class Damage:
    """A fabric after failures.

    Parameters
    ----------
    fabric : Fabric
        What is left.
    links, switches : tuple of int
        What is down, by number; links of dead switches are not listed.
    is_connected : bool
        Whether every end still reaches every other.
    cut_ends, weak_ends : array
        Ends without any way, and ends that lost some of their lines or planes but not all.
    part_left_frac : dict of str to float
        Rate left of each part of the cables, over the whole part [1].
    leaf_left_frac : float
        Rate above the worst leaf that is left, over what it had [1]; 0 for a dead one.
    bisection_bytes_per_s : float
        Largest flow from the first half of the ends to the second.
    bisection_left_frac : float
        The same over that of the whole fabric [1].
    jobs : tuple of JobEffect
    routes : Routes
        Next hops rebuilt.
    """

    fabric: Fabric
    links: tuple[int, ...]
    switches: tuple[int, ...]
    is_connected: bool
    cut_ends: Ints
    weak_ends: Ints
    part_left_frac: dict[str, float]
    leaf_left_frac: float
    bisection_bytes_per_s: float
    bisection_left_frac: float
    jobs: tuple[JobEffect, ...] = ()
    routes: Routes | None = field(default=None, repr=False)


def fail(
    fabric: Fabric,
    *,
    links: Iterable[int | str] = (),
    switches: Iterable[int | str] = (),
    draw_links: int = 0,
    draw_switches: int = 0,
    seed: int = 1,
    jobs: Mapping[str, Iterable[int]] | None = None,
    layer: str = "compute",
    balance: str = "adaptive",
) -> Damage:
    """Take links and switches down and look at what is left.

    Parameters
    ----------
    fabric : Fabric
        Whole.
    links : iterable of int or str
        Numbers of links, or ports such as ``leaf-01 port 33``.
    switches : iterable of int or str
        Numbers or names of switches.
    draw_links, draw_switches : int
        As many more are drawn from the layer, each equally likely.
    seed : int
        Of the draw.
    jobs : mapping of str to iterable of int, optional
        End points of each job; all ends are one job if left out.
    layer : str
    balance : str
        How switches split traffic: ``adaptive`` or ``even``, see :mod:`twin.topology.fabric.routing`.

    Returns
    -------
    Damage

    Raises
    ------
    ScenarioError
        When a name is none of the fabric's, or more is drawn than there is.

    Examples
    --------
    >>> from twin.topology.fabric import build, preset
    >>> pod = build(preset("dgx-b300-superpod-spectrum-x", units=2))
    >>> found = fail(pod, switches=["leaf-a-01"])
    >>> found.is_connected, found.part_left_frac["leaf-spine"], found.jobs[0].slow_down
    (True, 0.96875, 2.0)
    """
    down_links, down_switches = _down(
        fabric, list(links), list(switches), (draw_links, draw_switches), seed, layer
    )
    left = fabric.without(down_links, down_switches)
    before, after = routes(fabric, layer), routes(left, layer)
    whole, rest = Traffic(before, balance), Traffic(after, balance)
    ends = whole.ends
    asked = {"all": ends} if jobs is None else {n: np.asarray(list(e), np.int64) for n, e in jobs.items()}
    effects = []
    for name, members in asked.items():
        old, _ = whole.time_of(members)
        new, stranded = rest.time_of(members)
        slow = float("inf") if stranded else new / old if old else 1.0
        effects.append(JobEffect(name, len(members), slow, stranded))
    had, has = _halves(whole), _halves(rest)
    cut = rest.cut()
    lines = np.bincount(whole.node, minlength=fabric.nodes), np.bincount(rest.node, minlength=fabric.nodes)
    weak = ends[(lines[1][ends] < lines[0][ends]) & ~np.isin(ends, cut)]
    return Damage(
        left, tuple(down_links), tuple(down_switches), not len(cut), cut, weak, _parts(fabric, left, layer),
        _worst_leaf(fabric, left, layer), has, has / had if had else 1.0, tuple(effects), after,
    )  # fmt: skip


def _down(
    fabric: Fabric, links: list[int | str], switches: list[int | str], draws: tuple[int, int], seed: int, layer: str
) -> tuple[list[int], list[int]]:  # fmt: skip
    """Numbers of all that is down."""
    faults: list[Fault] = []
    found_links = _numbers(fabric, links, _ports(fabric, layer) if _has_text(links) else {}, "link", faults)
    is_end = fabric.is_end
    names = fabric.names()
    named = {n: i for i, n in enumerate(names) if not is_end[i]} if _has_text(switches) else {}
    found_switches = _numbers(fabric, switches, named, "switch", faults)
    of_layer = [np.arange(b.first, b.first + b.count) for b in fabric.blocks if b.tier and b.layer == layer]
    pools = (
        np.setdiff1d(np.flatnonzero(fabric.of_layer(layer)), found_links),
        np.setdiff1d(np.concatenate(of_layer) if of_layer else [], found_switches),
    )
    for what, count, pool in zip(("links", "switches"), draws, pools, strict=True):
        if not 0 <= count <= len(pool):
            mend = f"write a number up to {len(pool)}"
            faults.append(Fault("", 0, f"draw_{what}", str(count), f"0 to {len(pool):,} {what}", mend))
    if faults:
        raise ScenarioError("these failures cannot be", faults)
    rng = stream(seed, "fabric", "failures")
    drawn = [
        rng.choice(pool, count, replace=False).astype(int).tolist()
        for pool, count in zip(pools, draws, strict=True)
    ]
    return [*found_links, *drawn[0]], [*found_switches, *drawn[1]]


def _has_text(given: list[int | str]) -> bool:
    return any(isinstance(g, str) for g in given)


def _ports(fabric: Fabric, layer: str) -> dict[str, int]:
    """Links by the ports of their ends, as people write them."""
    from twin.topology.fabric.wiring import wiring

    rows = wiring(fabric)
    kept = (
        np.arange(fabric.links)
        if "nvlink" not in fabric.layers
        else np.flatnonzero(~fabric.of_layer("nvlink"))
    )
    found: dict[str, int] = {}
    for side in ("from", "to"):
        texts = rows[side] + " port " + rows[f"{side}_port"]
        found |= dict(zip(texts[rows["layer"] == layer], kept[rows["layer"] == layer].tolist(), strict=True))
    return found


def _numbers(
    fabric: Fabric, given: list[int | str], named: dict[str, int], what: str, faults: list[Fault]
) -> list[int]:
    most = fabric.links if what == "link" else fabric.nodes
    found = []
    for one in given:
        text = str(one).replace(":", " port ")
        number = one if isinstance(one, int) else named.get(text, -1)
        if 0 <= number < most:
            found.append(int(number))
            continue
        near = difflib.get_close_matches(text, list(named)[:200_000], 1, 0.4) if named else []
        expected = f"a {what} of the fabric" if named else f"0 to {most - 1:,}"
        faults.append(Fault("", 0, what, str(one), expected, f"write {near[0] if near else 0}"))
    return found


def _parts(whole: Fabric, left: Fabric, layer: str) -> dict[str, float]:
    """Rate left of each part."""
    found = {}
    for number, part in enumerate(whole.parts):
        rates = [f.rate_bytes_per_s[(f.part == number) & f.of_layer(layer)].sum() for f in (whole, left)]
        if rates[0]:
            found[part] = float(rates[1] / rates[0])
    return found


def _worst_leaf(whole: Fabric, left: Fabric, layer: str) -> float:
    """Least share of the rate above a leaf that is left."""
    is_end, tier = whole.is_end, whole.per_node("tier")
    sums = []
    for f in (whole, left):
        up = f.of_layer(layer) & ~is_end[f.a] & (tier[f.a] == 1)
        sums.append(np.bincount(f.a[up], f.rate_bytes_per_s[up], whole.nodes))
    has = sums[0] > 0
    return float((sums[1][has] / sums[0][has]).min(initial=1.0))


def _halves(traffic: Traffic) -> float:
    """Largest flow from the first half of the ends to the second [bytes/s]."""
    from scipy.sparse.csgraph import maximum_flow

    found = traffic.routes
    count, ends = len(found.switches), traffic.ends
    half = np.isin(traffic.node, ends[: len(ends) // 2])
    into = np.bincount(found.leaves[traffic.leaf[half]], traffic.rate[half], count).astype(np.float64)
    out = np.bincount(found.leaves[traffic.leaf[~half]], traffic.rate[~half], count).astype(np.float64)
    if not len(traffic.rate):
        return 0.0
    unit = max(float(traffic.rate.min()) / STEPS, max(into.sum(), out.sum()) / UNITS)
    flow = maximum_flow(_network(found, into, out, unit), count, count + 1)
    return float(int(flow.flow_value) * unit)


def _network(found: Routes, into: Floats, out: Floats, unit: float) -> csr_array:
    """Switches with a source before the first half and a sink behind the second; whole numbers of a unit."""
    from scipy.sparse import csr_array

    count = len(found.switches)
    at = np.arange(count)
    low = np.concatenate([found.low, np.full(count, count), at])
    high = np.concatenate([found.high, at, np.full(count, count + 1)])
    rate = np.concatenate([found.rate_bytes_per_s, into, out])
    whole = np.minimum(np.round(rate / unit), UNITS).astype(np.int32)
    return csr_array((whole, (low, high)), (count + 2, count + 2))
