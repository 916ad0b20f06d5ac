"""From words to a fabric: ends, NVLink domains, the compute fabric, the networks beside it, and the cables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from twin import catalog
from twin.errors import TopologyError
from twin.scenario.fabric import Words
from twin.topology.fabric.arrays import Builder, Fabric, Ints
from twin.topology.fabric.custom import read_graph
from twin.topology.fabric.domains import add_domains, system_of
from twin.topology.fabric.dragonflies import add_dragonfly
from twin.topology.fabric.media import lay
from twin.topology.fabric.reading import load
from twin.topology.fabric.sizes import Sizes, sizes
from twin.topology.fabric.trees import add_tree


def build(asked: Words | str | Path | Mapping[str, Any] | None = None, /, **words: Any) -> Fabric:
    """Build a fabric: every node, port and cable.

    Parameters
    ----------
    asked : Words, path, mapping or None
        Words, or what :func:`twin.topology.fabric.load` reads.
    **words
        As in :func:`twin.topology.fabric.load`; not beside ready Words.

    Returns
    -------
    Fabric
        With lengths, media and delays of its cables. What keeps it from running is told by
        :func:`twin.topology.fabric.check_fabric`.

    Raises
    ------
    ScenarioError
        When the words have faults.
    TopologyError
        When the fabric cannot be: rates that no port carries, too many GPUs for the tiers.

    Examples
    --------
    >>> small = build(fabric="small", gpus=64, gpus_per_node=8, nic="cx7", rail_optimised=True,
    ...               leaf={"switch": "qm9700"})
    >>> {block.kind: block.count for block in small.blocks}
    {'gpu': 64, 'leaf': 8, 'spine': 1}
    """
    given = asked if isinstance(asked, Words) else load(asked, **words)
    if given.kind == "custom":
        return _custom(given)
    made = Builder(given.fabric, given)
    gpu = str(catalog.get("system", given.system).gpu) if given.system else ""
    at = np.arange(given.gpu_count)
    gpus = made.add(
        "gpu", "compute", 0, given.gpu_count, gpu, per=given.node_gpus, rail=at % given.node_gpus,
        unit=at // given.node_gpus // (given.nodes_per_unit or given.nodes),
    )  # fmt: skip
    try:
        if given.kind == "dragonfly":
            add_dragonfly(made, given, gpus)
            beside: tuple[Sizes, ...] = ()
        else:
            compute, *rest = sizes(given)
            beside = tuple(rest)
            add_tree(made, compute, gpus, given.gpu_nics)
    except TopologyError as error:
        placed = [given.source.fault(f.where, f.found, f.expected, f.mend) for f in error.faults]
        raise TopologyError(error.message, placed) from None
    add_beside(made, given, beside)
    if given.nvlink:
        add_domains(made, given.nvlink, gpus, system_of(given))
    return lay(made.done())


def add_beside(made: Builder, words: Words, beside: Sequence[Sizes], names: Sequence[str] = ()) -> None:
    """Add storage and north-south networks, at the same hosts; ``names`` are theirs if they have some."""
    if not beside:
        return
    layer = "north-south" if len(beside) == 1 else "storage"
    hosts = made.add("host", layer, 0, words.nodes, own=names)
    asked = {"storage": words.storage, "north-south": words.north_south}
    for found in beside:
        section = asked[found.demand.layer]
        if section is None:
            continue
        ends: Ints = hosts
        if section.servers:
            prefix = "storage" if found.demand.layer == "storage" else "gateway"
            servers = made.add("server", found.demand.layer, 0, section.servers, prefix=prefix)
            ends = np.concatenate([hosts, servers])
        add_tree(made, found, ends, section.ports_per_node)


def _custom(words: Words) -> Fabric:
    path = words.source.data_file("graph", words.graph or "")
    found = read_graph(path, words)
    return found if found.length_m.any() else lay(found)
