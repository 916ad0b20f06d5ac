"""A collective as a graph of flows for the flow simulator, in the case format of ``twin flows``.

Each flow waits for what it forwards and for the one before it in its lane, so that pieces follow one another as in a
pipeline. Switches that reduce or multicast are ends of flows. More pieces come nearer to the closed forms of
:mod:`twin.physics.collectives`, whose bytes on the busiest link are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

from twin.errors import Fault, ScenarioError
from twin.network.collective_wiring import Wiring
from twin.physics.collective_exchange import MODES, Tokens, copies

MOST_FLOWS = 5_000_000
Case = dict[str, Any]
Parents = dict[str, str | None]


class _Flows:
    """Flows so far; the last of each lane goes before the next."""

    def __init__(self, on: Wiring) -> None:
        self.on = on
        self.flows: list[dict[str, Any]] = []
        self.last: dict[object, int] = {}

    def add(self, src: str, dst: str, size: float, after: Iterable[int] = (), lane: object = None) -> int:
        number = len(self.flows)
        if number >= MOST_FLOWS:
            mend = "take fewer GPUs or pieces, or the closed form twin.network.collectives.collective"
            fault = Fault("", 0, "flows", f"more than {MOST_FLOWS:,}", "fewer", mend)
            raise ScenarioError("too many flows", [fault])
        deps = {*after, *([self.last[lane]] if lane in self.last else [])}
        if lane is not None:
            self.last[lane] = number
        self.flows.append({
            "id": number, "src": src, "dst": dst, "size_B": size, "start_s": 0.0, "paths": self.on.path(src, dst),
            "deps": sorted(deps),
        })  # fmt: skip
        return number

    def case(self, name: str) -> Case:
        return {
            "name": name,
            "nodes": self.on.nodes,
            "links": self.on.links,
            "flows": self.flows,
            "link_events": [],
        }


def flow_graph(operation: str, algorithm: str, on: Wiring, size_bytes: float, pieces: int = 16) -> Case:
    """Flows of a collective over all GPUs of a topology.

    Parameters
    ----------
    operation, algorithm : str
        ``all_reduce`` by ``ring``, ``tree``, ``nvls`` or ``sharp``; ``all_gather`` and ``reduce_scatter`` by ``ring``;
        ``all_to_all`` by ``direct``; ``broadcast`` and ``reduce`` by ``ring`` or ``tree``, from and to ``g0``.
    on : Wiring
    size_bytes : float
        What each GPU holds, of all-gather and reduce-scatter the long side, above 0 [bytes].
    pieces : int
        Pieces of a pipeline, 1 or more.

    Returns
    -------
    dict
        A case for the flow simulator.

    Raises
    ------
    ScenarioError
        When there is no such graph on this topology.

    Examples
    --------
    >>> from twin.network.collective_wiring import one_switch
    >>> len(flow_graph("all_reduce", "ring", one_switch(4, 450e9), 1e9)["flows"])
    24
    """
    makers: dict[tuple[str, str], Callable[[_Flows], None]] = {
        ("all_reduce", "ring"): lambda f: _rings(f, size_bytes, 2),
        ("all_gather", "ring"): lambda f: _rings(f, size_bytes, 1),
        ("reduce_scatter", "ring"): lambda f: _rings(f, size_bytes, 1),
        ("all_to_all", "direct"): lambda f: _direct(f, size_bytes / on.gpus),
        ("all_reduce", "tree"): lambda f: _trees(f, size_bytes, pieces),
        ("broadcast", "tree"): lambda f: _trees(f, size_bytes, pieces, up=False),
        ("reduce", "tree"): lambda f: _trees(f, size_bytes, pieces, down=False),
        ("broadcast", "ring"): lambda f: _chain(f, size_bytes, pieces, "broadcast"),
        ("reduce", "ring"): lambda f: _chain(f, size_bytes, pieces, "reduce"),
        ("all_reduce", "nvls"): lambda f: _switched(f, size_bytes, pieces, "tree"),
        ("all_reduce", "sharp"): lambda f: _switched(f, size_bytes, pieces, "switch"),
    }
    make = makers.get((operation, algorithm))
    has_switch = f"{on.gpu(0, 0)}>nv0" in {link["id"] for link in on.links}
    if (
        make is None
        or (algorithm in ("nvls", "sharp") and not has_switch)
        or (algorithm == "sharp" and on.domains < 2)
    ):
        known = ", ".join(f"{o} {a}" for o, a in makers)
        expected = f"one of {known}; nvls needs NVLink, sharp two domains with it"
        fault = Fault("", 0, "algorithm", f"{operation} {algorithm}", expected, "write all_reduce ring")
        raise ScenarioError("no such flow graph on this topology", [fault])
    if size_bytes <= 0.0 or pieces < 1:
        fault = Fault(
            "",
            0,
            "size_bytes",
            f"{size_bytes} bytes in {pieces} pieces",
            "above 0, in 1 or more",
            "write 1e9",
        )
        raise ScenarioError("nothing to send", [fault])
    flows = _Flows(on)
    make(flows)
    return flows.case(f"{operation} {algorithm}, {on.gpus} GPUs")


def exchange_graph(operation: str, mode: str, on: Wiring, what: Tokens, pieces: int = 16) -> Case:
    """Flows of the exchange with experts over all GPUs of a topology.

    Parameters
    ----------
    operation : {"dispatch", "combine"}
        Out, or the same ways back.
    mode : {"throughput", "latency"}
        Once over the network to each domain and on over NVLink, or straight to each expert.
    on : Wiring
    what : twin.physics.collective_exchange.Tokens
    pieces : int
        Pieces in which what arrived is forwarded, 1 or more.

    Examples
    --------
    >>> from twin.network.collective_wiring import railed
    >>> len(exchange_graph("dispatch", "latency", railed(4, 2, 450e9, 50e9), Tokens(128, 7168, 8, 1.0))["flows"])
    12
    """
    if operation not in ("dispatch", "combine") or mode not in MODES or pieces < 1:
        expected = f"dispatch or combine; {' or '.join(MODES)}; 1 piece or more"
        fault = Fault(
            "", 0, "mode", f"{operation}, {mode}, {pieces} pieces", expected, "write dispatch, throughput"
        )
        raise ScenarioError("no such exchange", [fault])
    flows = _Flows(on)
    copy_bytes = float(what.tokens) * float(what.hidden) * what.value_bytes
    if mode == "latency":
        _direct(flows, copy_bytes * float(what.active) / on.gpus)
        return flows.case(f"{operation} for latency, {on.gpus} GPUs")
    sent = copies(mode, what, on.gpus, on.domains)
    far = float(sent.network) * copy_bytes / max(on.domains - 1, 1) / pieces
    near = float(sent.link) * copy_bytes / max(on.domains * (on.domain_gpus - 1), 1) / pieces
    for piece, (src, dst, place) in ((p, w) for p in range(pieces) for w in _ways(on)):
        _forward(flows, operation, (src, dst, place), far, near, piece)
    return flows.case(f"{operation} for throughput, {on.gpus} GPUs")


def _ways(on: Wiring) -> list[tuple[int, int, int]]:
    return [
        (a, b, place) for a in range(on.domains) for b in range(on.domains) for place in range(on.domain_gpus)
    ]


def _forward(
    flows: _Flows, operation: str, way: tuple[int, int, int], far: float, near: float, piece: int
) -> None:
    """Along a rail to its GPU in another domain, and from there to the others; the other way round to combine."""
    on, (src, dst, place) = flows.on, way
    gate, others = on.gpu(dst, place), [i for i in range(on.domain_gpus) if i != place]
    if operation == "dispatch":
        come = [] if src == dst else [flows.add(on.gpu(src, place), gate, far, (), ("far", way))]
        for i in others:
            flows.add(gate, on.gpu(dst, i), near, come, ("near", way, i))
        return
    come = [flows.add(on.gpu(dst, i), gate, near, (), ("near", way, i)) for i in others]
    if src != dst:
        flows.add(gate, on.gpu(src, place), far, come, ("far", way))


def _direct(flows: _Flows, pair_bytes: float) -> None:
    for src in range(flows.on.gpus):
        for dst in (d for d in range(flows.on.gpus) if d != src):
            flows.add(f"g{src}", f"g{dst}", pair_bytes)


def _rings(flows: _Flows, size: float, rounds: int) -> None:
    """As many rings as a domain has NICs in use; ring r enters each domain at place r and leaves one before it."""
    on = flows.on
    rings = on.domain_gpus if on.domains > 1 else 1
    for ring in range(rings):
        order = [
            on.gpu(d, (ring + i) % on.domain_gpus) for d in range(on.domains) for i in range(on.domain_gpus)
        ]
        came: dict[int, int] = {}
        for step in range(rounds * (on.gpus - 1)):
            sent = {}
            for i, gpu in enumerate(order):
                to = (i + 1) % on.gpus
                after = [came[i]] if step else []
                sent[to] = flows.add(gpu, order[to], size / rings / on.gpus, after, ("ring", ring, gpu))
            came = sent


def _chain(flows: _Flows, size: float, pieces: int, operation: str) -> None:
    on = flows.on
    order = [f"g{i}" for i in range(on.gpus)]
    hops = list(pairwise(order))
    for _ in range(pieces):
        came: list[int] = []
        for a, b in hops if operation == "broadcast" else [(b, a) for a, b in reversed(hops)]:
            came = [flows.add(a, b, size / pieces, came, ("chain", a))]


def _trees(flows: _Flows, size: float, pieces: int, up: bool = True, down: bool = True) -> None:
    """Chains inside domains, two trees over them; a slice for each NIC, whose place heads the chains."""
    on = flows.on
    heads = range(on.domain_gpus) if on.domains > 1 else range(1)
    trees = (False, True) if on.domains > 1 and up and down else (False,)
    for _ in range(pieces):
        for head in heads:
            for mirrored in trees:
                parents: Parents = {}
                for d in range(on.domains):
                    above = _above(d, on.domains, mirrored)
                    parents[on.gpu(d, head)] = None if above is None else on.gpu(above, head)
                    chain = [on.gpu(d, (head + i) % on.domain_gpus) for i in range(on.domain_gpus)]
                    parents.update(zip(chain[1:], chain, strict=False))
                share = size / pieces / len(heads) / len(trees)
                _up_down(flows, parents, share, (head, mirrored), {}, up=up, down=down)


def _above(member: int, members: int, mirrored: bool) -> int | None:
    """Parent in a binary tree whose odd members are leaves; mirrored or moved by one, the even ones are."""
    if mirrored:
        even = members % 2 == 0
        twin = members - 1 - member if even else (member - 1) % members
        above = _above(twin, members, False)
        return None if above is None else members - 1 - above if even else (above + 1) % members
    if member == 0:
        return None
    bit = member & -member
    above = (member ^ bit) | (bit << 1)
    return above if above < members else member ^ bit


def _up_down(
    flows: _Flows,
    parents: Parents,
    size: float,
    lane: object,
    ready: dict[str, int],
    up: bool = True,
    down: bool = True,
) -> dict[str, list[int]]:
    """Reduce to the root and spread from it; returns what each member waits for until it has the result."""
    children: dict[str, list[str]] = {name: [] for name in parents}
    root = ""
    for name, above in parents.items():
        if above is None:
            root = name
        else:
            children[above].append(name)
    order = [root]
    for name in order:
        order += children[name]
    have: dict[str, list[int]] = {name: [ready[name]] if name in ready else [] for name in parents}
    for name in reversed(order[1:]) if up else ():
        above = str(parents[name])
        have[above].append(flows.add(name, above, size, have[name], ("up", lane, name)))
    for name in order[1:] if down else ():
        have[name] = [
            flows.add(str(parents[name]), name, size, have[str(parents[name])], ("down", lane, name))
        ]
    return have


def _switched(flows: _Flows, size: float, pieces: int, outside: str) -> None:
    """NVLink switches hand each GPU its reduced slice, domains join slices along rails, switches multicast."""
    on = flows.on
    places, domains = range(on.domain_gpus), range(on.domains)
    whole, part = size / pieces, size / pieces / on.domain_gpus
    for _ in range(pieces):
        slices: dict[str, int] = {}
        for d in domains:
            given = [flows.add(on.gpu(d, i), f"nv{d}", whole, (), ("give", d, i)) for i in places]
            for i in places:
                slices[on.gpu(d, i)] = flows.add(f"nv{d}", on.gpu(d, i), part, given, ("slice", d, i))
        done = {name: [flow] for name, flow in slices.items()}
        for i in places if on.domains > 1 else ():
            done |= _joined(flows, i, part, slices, outside)
        for d in domains:
            pushed = [
                flows.add(on.gpu(d, i), f"nv{d}", part, done[on.gpu(d, i)], ("push", d, i)) for i in places
            ]
            for i in places:
                flows.add(f"nv{d}", on.gpu(d, i), whole, pushed, ("take", d, i))


def _joined(
    flows: _Flows, place: int, part: float, slices: dict[str, int], outside: str
) -> dict[str, list[int]]:
    """Sum of the slices of one rail: by its switch, or by two trees over the domains with half each."""
    on = flows.on
    names = [on.gpu(d, place) for d in range(on.domains)]
    if outside == "switch":
        rail = f"rail{place}"
        sent = [flows.add(name, rail, part, [slices[name]], ("rail up", name)) for name in names]
        return {name: [flows.add(rail, name, part, sent, ("rail down", name))] for name in names}
    done: dict[str, list[int]] = {name: [] for name in names}
    for mirrored in (False, True):
        above = [_above(d, on.domains, mirrored) for d in range(on.domains)]
        parents: Parents = {n: None if a is None else names[a] for n, a in zip(names, above, strict=True)}
        for name, flow in _up_down(flows, parents, part / 2.0, (place, mirrored), slices).items():
            done[name] += flow
    return done
