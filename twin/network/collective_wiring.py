"""Small topologies for flow graphs of collectives, with the path between any two of their GPUs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from twin.errors import Fault, ScenarioError

Path = list[dict[str, Any]]


@dataclass(frozen=True)
class Wiring:
    """GPUs, switches and directed links.

    Parameters
    ----------
    gpus, domains : int
        GPUs ``g0`` and on, in NVLink domains of equal size, in order; alone in its domain where there is no NVLink.
    nodes, links : list of dict
        As in the case format of flow simulations: ``id`` and ``kind``; ``id``, ``src``, ``dst``, ``capacity_Bps`` and
        ``latency_s``.
    path : callable
        From the names of two nodes to the paths between them, each with its links and its fraction.
    """

    gpus: int
    domains: int
    nodes: list[dict[str, Any]] = field(repr=False)
    links: list[dict[str, Any]] = field(repr=False)
    path: Callable[[str, str], Path] = field(repr=False)

    @property
    def domain_gpus(self) -> int:
        """GPUs of a domain."""
        return self.gpus // self.domains

    def gpu(self, domain: int, place: int) -> str:
        """Name of the GPU at a place of a domain."""
        return f"g{domain * self.domain_gpus + place}"


def one_switch(gpus: int, link_bytes_per_s: float, latency_s: float = 0.0) -> Wiring:
    """One NVLink domain: every GPU on one switch, ``nv0``.

    Parameters
    ----------
    gpus : int
        2 or more.
    link_bytes_per_s : float
        Of a GPU, one way [bytes/s].
    latency_s : float
        Of a link, one way [s].

    Examples
    --------
    >>> one_switch(4, 450e9).path("g0", "g3")
    [{'links': ['g0>nv0', 'nv0>g3'], 'fraction': 1.0}]
    """
    return railed(gpus, 1, link_bytes_per_s, 0.0, latency_s)


def railed(
    gpus: int, domains: int, link_bytes_per_s: float, nic_bytes_per_s: float, latency_s: float = 0.0
) -> Wiring:
    """NVLink domains joined by rails: GPU i of every domain on switch ``rail<i>``, rails joined by a full core.

    Parameters
    ----------
    gpus, domains : int
        GPUs, which the domains share evenly.
    link_bytes_per_s, nic_bytes_per_s : float
        NVLinks and NIC of a GPU, one way [bytes/s].
    latency_s : float
        Of a link, one way [s].

    Examples
    --------
    >>> railed(4, 2, 450e9, 50e9).path("g0", "g2")
    [{'links': ['g0>rail0', 'rail0>g2'], 'fraction': 1.0}]
    """
    within = _even(gpus, domains, "domains")
    ends = [(f"g{i}", f"nv{i // within}", link_bytes_per_s) for i in range(gpus)]
    kinds = [(f"nv{d}", "nvswitch") for d in range(domains)]
    if domains > 1:
        ends += [(f"g{i}", f"rail{i % within}", nic_bytes_per_s) for i in range(gpus)]
        ends += [(f"rail{r}", "core", domains * nic_bytes_per_s) for r in range(within)]
        kinds += [(f"rail{r}", "switch") for r in range(within)] + [("core", "switch")]

    def path(src: str, dst: str) -> Path:
        if not (src.startswith("g") and dst.startswith("g")):
            return _whole(src, dst)
        a, b = int(src[1:]), int(dst[1:])
        if a // within == b // within:
            return _whole(src, f"nv{a // within}", dst)
        rails = (f"rail{a % within}", "core", f"rail{b % within}")
        return _whole(src, rails[0], dst) if a % within == b % within else _whole(src, *rails, dst)

    return Wiring(gpus, domains, *_graph(gpus, kinds, ends, latency_s), path)


def two_tiers(gpus: int, leaves: int, spines: int, nic_bytes_per_s: float, latency_s: float = 0.0) -> Wiring:
    """GPUs without NVLink on leaf switches, each joined to all spines at full rate; paths are sprayed evenly.

    Parameters
    ----------
    gpus, leaves, spines : int
        GPUs, which the leaves share evenly.
    nic_bytes_per_s : float
        NIC of a GPU, one way [bytes/s].
    latency_s : float
        Of a link, one way [s].

    Examples
    --------
    >>> len(two_tiers(8, 2, 2, 50e9).path("g0", "g7"))
    2
    """
    under = _even(gpus, leaves, "leaves")
    ends = [(f"g{i}", f"leaf{i // under}", nic_bytes_per_s) for i in range(gpus)]
    ends += [
        (f"leaf{a}", f"spine{s}", under * nic_bytes_per_s / spines)
        for a in range(leaves)
        for s in range(spines)
    ]
    kinds = [(f"leaf{a}", "switch") for a in range(leaves)] + [(f"spine{s}", "switch") for s in range(spines)]

    def path(src: str, dst: str) -> Path:
        one, other = (f"leaf{int(name[1:]) // under}" for name in (src, dst))
        if one == other:
            return _whole(src, one, dst)
        return [
            step
            for s in range(spines)
            for step in _whole(src, one, f"spine{s}", other, dst, part=1.0 / spines)
        ]

    return Wiring(gpus, gpus, *_graph(gpus, kinds, ends, latency_s), path)


def _even(gpus: int, shares: int, where: str) -> int:
    if gpus < 2 or shares < 1 or gpus % shares:
        fault = Fault(
            "", 0, where, f"{gpus} GPUs for {shares}", "GPUs, 2 or more, in even shares", "write 16 for 2"
        )
        raise ScenarioError("GPUs that do not share out evenly", [fault])
    return gpus // shares


def _whole(*stops: str, part: float = 1.0) -> Path:
    return [{"links": [f"{a}>{b}" for a, b in pairwise(stops)], "fraction": part}]


def _graph(
    gpus: int, kinds: list[tuple[str, str]], ends: list[tuple[str, str, float]], latency_s: float
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    names = [(f"g{i}", "gpu") for i in range(gpus)] + kinds
    both = [way for a, b, rate in ends for way in ((a, b, rate), (b, a, rate))]
    links = [
        {"id": f"{a}>{b}", "src": a, "dst": b, "capacity_Bps": rate, "latency_s": latency_s}
        for a, b, rate in both
    ]
    return [{"id": name, "kind": kind} for name, kind in names], links
