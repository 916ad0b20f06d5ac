"""The networks of a hall from a design in few words: its racks give GPUs, nodes and adapters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from twin.errors import Fault, TopologyError
from twin.scenario.fabric import Words
from twin.scenario.schema import Scenario
from twin.scenario.source import Source
from twin.topology.fabric.arrays import Builder, Fabric, Ints
from twin.topology.fabric.build import add_beside
from twin.topology.fabric.ports import ports
from twin.topology.fabric.reading import preset, sense
from twin.topology.fabric.sizes import sizes
from twin.topology.fabric.trees import add_tree
from twin.topology.fabric.wiring import lanes_of
from twin.topology.rack_types import Host, RackType

PATH = "network.design"


def designed(scenario: Scenario, kinds: Mapping[str, RackType], hosts: Sequence[Host]) -> Fabric:
    """Build the networks of a hall; cables are not laid yet.

    Parameters
    ----------
    scenario : Scenario
        With a design of its network.
    kinds : mapping of str to RackType
        Of each rack by its id.
    hosts : sequence of Host
        Trays and nodes, from :func:`twin.topology.rack_types.hosts`.

    Returns
    -------
    Fabric
        Its GPUs, hosts and adapters have the ids of the hall; the gateway hangs on the topmost tier with free
        ports, of the north-south network where there is one.

    Raises
    ------
    TopologyError
        With all faults of the words, or what keeps the fabric from being built, at its place in the scenario.
    """
    words = words_of(scenario, kinds, hosts)
    if faults := list(sense(words)):
        raise _placed(scenario, "the network cannot be built", faults)
    made = Builder(scenario.scenario, words)
    gpu = next(iter(kinds.values())).gpu.name
    names = [name for host in hosts for name in host.gpus]
    at = np.arange(len(names))
    gpus = made.add(
        "gpu", "compute", 0, len(names), gpu, per=words.node_gpus, own=names, rail=at % words.node_gpus,
        unit=at // words.node_gpus // (words.nodes_per_unit or words.nodes),
    )  # fmt: skip
    try:
        compute, *beside = sizes(words)
        add_tree(made, compute, gpus, words.gpu_nics)
        add_beside(made, words, beside, [host.name for host in hosts])
        _add_gateway(made, "north-south" if words.north_south else "compute")
    except TopologyError as error:
        raise _placed(scenario, error.message, error.faults) from None
    return made.done()


def words_of(scenario: Scenario, kinds: Mapping[str, RackType], hosts: Sequence[Host]) -> Words:
    """Words of a hall's design: those of its preset, those written beside it, and what the racks give.

    Raises
    ------
    TopologyError
        When nodes with different numbers of GPUs or adapters hang on one network.
    """
    design = scenario.network.design
    assert design is not None
    counts = {(len(host.gpus), host.nics_per_gpu) for host in hosts}
    if len(counts) > 1:
        listed = " and ".join(f"{gpus} GPUs with {nics} adapters each" for gpus, nics in sorted(counts))
        fault = Fault(
            "", 0, "", f"nodes of {listed}", "equal nodes", "choose systems with equal trays or nodes"
        )
        raise _placed(scenario, "one design cannot join unlike nodes", [fault])
    gpus, nics = counts.pop()
    first = next(iter(kinds.values()))
    base = preset(design.preset) if design.preset else Words.model_validate({"fabric": scenario.scenario})
    written = {name: getattr(design, name) for name in design.model_fields_set - {"preset"}}
    given = {
        "fabric": scenario.scenario, "system": first.system.name, "nic": first.nic.name, "gpus_per_node": gpus,
        "nics_per_gpu": nics, "gpus": gpus * len(hosts), "units": None, "spare_nodes": 0, "nvlink": None,
    }  # fmt: skip
    words = base.model_copy(update=written | given)
    document = dict(scenario.source.document.get("network", {}).get("design", {}))
    marks = {
        path.removeprefix(f"{PATH}."): mark
        for path, mark in scenario.source.marks.items()
        if path.startswith(f"{PATH}.")
    }
    words._source = Source(scenario.source.files, document, marks)
    return words


def _placed(scenario: Scenario, message: str, faults: Iterable[Fault]) -> TopologyError:
    """Faults of words, at their place in the scenario."""
    said = scenario.source.fault
    return TopologyError(
        message, [said(f"{PATH}.{f.where}".rstrip("."), f.found, f.expected, f.mend) for f in faults]
    )


def _add_gateway(made: Builder, layer: str) -> None:
    """Join the way in for requests to every switch of the topmost tier that has free ports."""
    so_far = made.done()
    tops = {b.tier for b in so_far.blocks if b.layer == layer and b.tier}
    for tier in sorted(tops, reverse=True):
        switches = np.flatnonzero((so_far.per_node("tier") == tier) & (so_far.per_node("layer") == layer))
        free = _free_lanes(so_far, switches)
        if (free < 0).any():
            continue
        gateway = made.add("gateway", layer, 0, 1, own=["gateway"])
        cards = {
            b.card: ports(b.card).rate_bytes_per_s
            for b in so_far.blocks
            if b.tier == tier and b.layer == layer
        }
        lines = np.arange(len(switches))
        made.join(
            "gateway", layer, np.repeat(gateway, len(lines)), lines, switches, free, max(cards.values())
        )
        return
    path = "" if layer == "compute" else "north_south"
    raise TopologyError(
        "requests find no way in",
        [
            Fault(
                "", 0, path, f"no free port in any tier of the {layer} network", "one for the gateway on each switch",
                "add `north_south: {nic: bf3, leaf: {switch: sn5600}}`, or more oversubscription",
            )
        ],
    )  # fmt: skip


def _free_lanes(fabric: Fabric, switches: Ints) -> Ints:
    """First lane of the port after the last one in use, of each switch; -1 where all are in use."""
    lanes = lanes_of(fabric)
    last = np.full(fabric.nodes, -1)
    np.maximum.at(last, fabric.a, fabric.port_a // lanes[fabric.a])
    np.maximum.at(last, fabric.b, fabric.port_b // lanes[fabric.b])
    room = np.zeros(fabric.nodes, np.int64)
    for block in fabric.blocks:
        if block.tier:
            room[block.first : block.first + block.count] = ports(block.card).count
    free: Ints = np.where(last + 1 < room, (last + 1) * lanes, -1)[switches]
    return free
