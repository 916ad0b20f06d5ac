"""Banks: GPUs that are alike and do the same are stepped as one body of their joint size."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import partial
from typing import Any

import numpy as np

from twin.models import gpu
from twin.plant.maps import Maps
from twin.plant.node import Array, Node
from twin.plant.thermal import Gpus

TOGETHER = ("die_j_per_k", "plate_j_per_k", "coolant_j_per_k", "rated_flow_kg_per_s")
APART = ("junction_k_per_w", "film_k_per_w")


def fold(maps: Maps, gpus: Gpus, node: Node) -> tuple[Maps, Gpus, Node]:
    """Lay GPUs of one rack and one team, or one node for jobs, that have the same figures together.

    Parameters
    ----------
    maps, gpus, node
        Of single GPUs.

    Returns
    -------
    maps, gpus, node
        Of banks: powers, heats, flows and heat capacities are those of all its GPUs, resistances and shares of time
        as they act on all of them, so that temperatures are those of each. Ids stay those of GPUs.
    """
    power, limits, thermal = gpus.power, gpus.limits, node.params
    columns = [
        maps.rack_of_gpu,
        maps.team_of_gpu,
        maps.cdu_of_gpu,
        maps.node_of_gpu,
        *power,
        *limits,
        *thermal,
        *node.state,
    ]
    told = np.stack([np.broadcast_to(c, maps.rack_of_gpu.shape).astype(np.float64) for c in columns], axis=1)
    _, first, bank, sizes = np.unique(
        told, axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    order = np.argsort(first)  # banks in the order of their first GPU
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    one, size = first[order], sizes[order].astype(np.float64)

    def of(tuples: Any, grows: tuple[str, ...], shrinks: tuple[str, ...] = ()) -> Any:
        def one_of(name: str, values: Array) -> Array:
            picked: Array = np.broadcast_to(values, maps.rack_of_gpu.shape)[one]
            return picked * size if name in grows else picked / size if name in shrinks else picked.copy()

        return tuples._replace(**{name: one_of(name, getattr(tuples, name)) for name in tuples._fields})

    bodies = of(thermal, TOGETHER, APART)
    step = partial(gpu.step, other=gpu.differs(bodies))
    indices = {f.name: getattr(maps, f.name)[one] for f in fields(maps) if f.name.endswith("_of_gpu")}
    return (
        replace(maps, **indices | {"bank_of_gpu": place[bank.ravel()]}, gpus_of_bank=size),
        Gpus(of(power, ("idle_w", "tdp_w")), of(limits, ()), gpus.rated_flow_kg_per_s[one] * size,
             gpus.is_liquid[one]),
        Node(step, bodies, of(node.state, ()),
             of(node.inputs, ("power_w", "flow_kg_per_s")), node.stored_j),
    )  # fmt: skip
