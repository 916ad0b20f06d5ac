"""Banks: GPUs that are alike and do the same are stepped as one body of their joint size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from twin.models import gpu
from twin.plant.maps import Index, Maps
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
        Of banks, as of :func:`joined`.
    """
    owners = maps.rack_of_gpu, maps.team_of_gpu, maps.cdu_of_gpu, maps.node_of_gpu
    figures = *gpus.power, *gpus.limits, *node.params, *node.state
    return joined(maps, gpus, node, Grouping.of(numbered((*owners, *figures))))


def numbered(columns: Sequence[Array | Index]) -> Index:
    """Give equal rows of one or more columns the same number, in the order in which they first come, array (row).

    Examples
    --------
    >>> numbered([np.array([7, 7, 5, 7]), np.array([0.1, 0.1, 0.1, 0.2])])
    array([0, 0, 1, 2])
    """
    told = np.array(columns)
    order = np.lexsort(told)
    is_new = (told[:, order[1:]] != told[:, order[:-1]]).any(axis=0)
    number = np.empty_like(order)
    number[order] = np.append(0, np.cumsum(is_new))
    return in_order(number)


def in_order(number: Index) -> Index:
    """Number anew in the order in which numbers first come.

    Examples
    --------
    >>> in_order(np.array([4, 1, 4, 2]))
    array([0, 1, 0, 2])
    """
    first = _first(number)
    used = np.flatnonzero(first < len(number))
    place = np.empty_like(first)
    place[used[np.argsort(first[used])]] = np.arange(len(used))
    found: Index = place[number]
    return found


def _first(number: Index) -> Index:
    """Where each number first comes, array (number); behind the end for those that never do."""
    first = np.full(number.max() + 1, len(number))
    first[number[::-1]] = np.arange(len(number))[::-1]  # the last that is written stays
    return first


class Grouping(NamedTuple):
    """Which bodies are one.

    Parameters
    ----------
    bank : array (body), int
        Where each goes; numbers rise with the first of each bank.
    first : array (bank), int
        First body of each.
    size : array (bank)
        How many bodies each is.
    """

    bank: Index
    first: Index
    size: Array

    @classmethod
    def of(cls, bank: Index) -> Grouping:
        """From where each goes."""
        return cls(bank, _first(bank), np.bincount(bank).astype(np.float64))


def joined(maps: Maps, gpus: Gpus, node: Node, grouping: Grouping) -> tuple[Maps, Gpus, Node]:
    """Lay bodies together.

    Parameters
    ----------
    maps, gpus, node
        Of GPUs, or of banks that are to be larger.
    grouping : Grouping
        Of bodies with the same figures and state.

    Returns
    -------
    maps, gpus, node
        Of banks: powers, heats, flows and heat capacities are those of all its GPUs, resistances and shares of time
        as they act on all of them, so that temperatures are those of each. Ids stay those of GPUs.
    """
    bank, one, size = grouping

    def of(tuples: Any, grows: tuple[str, ...], shrinks: tuple[str, ...] = ()) -> Any:
        def one_of(name: str, values: Array) -> Array:
            picked: Array = values[one]
            return picked * size if name in grows else picked / size if name in shrinks else picked

        return tuples._replace(**{name: one_of(name, getattr(tuples, name)) for name in tuples._fields})

    bodies = of(node.params, TOGETHER, APART)
    step = partial(gpu.step, other=gpu.differs(bodies))
    indices = {f.name: getattr(maps, f.name)[one] for f in fields(maps) if f.name.endswith("_of_gpu")}
    indices |= {"bank_of_gpu": bank[maps.bank_of_gpu], "gpus_of_bank": maps.gpus_of_bank[one] * size}
    return (
        replace(maps, **indices),
        Gpus(of(gpus.power, ("idle_w", "tdp_w")), of(gpus.limits, ()), gpus.rated_flow_kg_per_s[one] * size,
             gpus.is_liquid[one]),
        Node(step, bodies, of(node.state, ()),
             of(node.inputs, ("power_w", "flow_kg_per_s")), node.stored_j),
    )  # fmt: skip
