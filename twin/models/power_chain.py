"""The power chain from loads to the grid: racks, PDUs, UPS, transformers, feed.

Every element is a converter that delivers power and loses some of it; what it draws is what its feeders
deliver. Elements form a directed graph without cycles. Where an element has several feeders (dual-corded), its
draw splits by their shares, renewed over the feeders that are alive. Losses use the mean power over the step; a
ripple inside it would add c2 times its variance. Ratings are reported against, not enforced: protection that
trips belongs to a process.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from twin.errors import Fault, TopologyError
from twin.physics.converter import loss_w

Array = NDArray[np.float64]
Index = NDArray[np.int64]

_loss_w = njit(cache=True)(loss_w)


class Params(NamedTuple):
    """Elements in any order, and feeds sorted so that an element's feeds come after all feeds into it.

    Parameters
    ----------
    rating_w : array (element)
        Rated output [W], above zero.
    constant_frac, linear_frac, quadratic_frac : array (element)
        Loss coefficients c0, c1, c2, see :func:`twin.physics.converter.loss_w` [1].
    order : array (element), int
        Elements from loads to sources.
    first_feed : array (element + 1), int
        Feeds of ``order[i]`` are ``first_feed[i]`` up to ``first_feed[i + 1]``.
    feeder : array (feed), int
        Element that feeds.
    share_frac : array (feed)
        Share of the draw while all feeders are alive [1], above zero.
    """

    rating_w: Array
    constant_frac: Array
    linear_frac: Array
    quadratic_frac: Array
    order: Index
    first_feed: Index
    feeder: Index
    share_frac: Array


class State(NamedTuple):
    """The chain remembers nothing."""


class Inputs(NamedTuple):
    """Arrays over elements.

    Parameters
    ----------
    demand_w : array (element)
        Load attached directly to an element's output, mean over the step [W], zero or larger.
    is_up : array (element), bool
        Whether the element works; an element without feeders is a source.
    """

    demand_w: Array
    is_up: NDArray[np.bool_]


class Outputs(NamedTuple):
    """Arrays over elements.

    Parameters
    ----------
    in_j, out_j, loss_j : array (element)
        Energy drawn, delivered and lost over the step [J].
    demand_j : array (element)
        Energy that directly attached loads received [J]; 0 where the element is dead.
    load_frac : array (element)
        Output over rating [1]; above 1 is an overload.
    served_frac : array (element)
        1 where the element is alive, else 0.
    served_s : array (element)
        Time in which it was alive [s].
    """

    in_j: Array
    out_j: Array
    loss_j: Array
    demand_j: Array
    load_frac: Array
    served_frac: Array
    served_s: Array


def build(
    rating_w: ArrayLike,
    constant_frac: ArrayLike,
    linear_frac: ArrayLike,
    quadratic_frac: ArrayLike,
    *,
    fed: ArrayLike,
    feeder: ArrayLike,
    share_frac: ArrayLike,
) -> Params:
    """Order elements and feeds for the step.

    Parameters
    ----------
    rating_w, constant_frac, linear_frac, quadratic_frac : array (element)
        As in :class:`Params`.
    fed, feeder : array (feed), int
        The element that draws and the one that delivers.
    share_frac : array (feed)
        Share of the draw of ``fed`` over this feed [1], above zero.

    Raises
    ------
    TopologyError
        When feeds form a cycle, a rating or a share is not above zero, or a feed names an unknown element.

    Examples
    --------
    >>> p = build([100e3, 150e3], [0, 0.008], [0, 0.010], [0, 0.012], fed=[0], feeder=[1], share_frac=[1.0])
    >>> _, out = step(p, State(), Inputs(np.array([75e3, 0.0]), np.array([True, True])), 1.0)
    >>> out.in_j
    array([75000., 77400.])
    """
    rating = np.asarray(rating_w, dtype=np.float64)
    fed_at = np.asarray(fed, dtype=np.int64).reshape(-1)
    feeder_at = np.asarray(feeder, dtype=np.int64).reshape(-1)
    share = np.asarray(share_frac, dtype=np.float64).reshape(-1)
    _refuse_bad(rating, fed_at, feeder_at, share)
    order = _loads_first(rating.size, fed_at, feeder_at)
    place = np.empty(rating.size, dtype=np.int64)
    place[order] = np.arange(rating.size)
    by_place = np.argsort(place[fed_at], kind="stable")
    counts = np.bincount(place[fed_at], minlength=rating.size)
    return Params(
        rating,
        np.asarray(constant_frac, dtype=np.float64),
        np.asarray(linear_frac, dtype=np.float64),
        np.asarray(quadratic_frac, dtype=np.float64),
        order,
        np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
        feeder_at[by_place],
        share[by_place],
    )


def _refuse_bad(rating: Array, fed: Index, feeder: Index, share: Array) -> None:
    faults = [
        Fault("", 0, f"power element {i}", f"rating {rating[i]:g} W", "above 0 W", "give it its rating")
        for i in np.flatnonzero(~(rating > 0.0))[:5]
    ]
    faults += [
        Fault("", 0, f"feed {i}", f"share {share[i]:g}", "above 0", "give it a share or drop the feed")
        for i in np.flatnonzero(~(share > 0.0))[:5]
    ]
    ends = np.concatenate([fed, feeder])
    if ends.size and (ends.min() < 0 or ends.max() >= rating.size):
        faults.append(
            Fault("", 0, "feeds", "an unknown element", f"0 to {rating.size - 1}", "mend the index")
        )
    if faults:
        raise TopologyError("the power chain cannot be built", faults)


def _loads_first(elements: int, fed: Index, feeder: Index) -> Index:
    """Elements so that each comes before its feeders (Kahn's algorithm)."""
    waiting = np.bincount(feeder, minlength=elements)
    feeds_of: list[list[int]] = [[] for _ in range(elements)]
    for child, parent in zip(fed.tolist(), feeder.tolist(), strict=True):
        feeds_of[child].append(parent)
    ready = np.flatnonzero(waiting == 0).tolist()
    for element in ready:
        for parent in feeds_of[element]:
            waiting[parent] -= 1
            if waiting[parent] == 0:
                ready.append(parent)
    if len(ready) < elements:
        stuck = sorted(set(range(elements)) - set(ready))[:5]
        fault = Fault(
            "", 0, f"power elements {stuck}", "a cycle of feeds", "feeds from grid to load", "cut one feed"
        )
        raise TopologyError("the power chain has a cycle", [fault])
    return np.array(ready, dtype=np.int64)


@njit(cache=True)
def _flow(params: Params, demand_w: Array, is_up: NDArray[np.bool_]) -> tuple[Array, Array, Array, Array]:
    elements = demand_w.size
    served = np.zeros(elements)
    alive_share = np.zeros(elements)
    for i in range(elements - 1, -1, -1):  # from the sources: who is alive
        e = params.order[i]
        first, last = params.first_feed[i], params.first_feed[i + 1]
        for f in range(first, last):
            alive_share[e] += params.share_frac[f] * served[params.feeder[f]]
        if is_up[e] and (first == last or alive_share[e] > 0.0):
            served[e] = 1.0
    in_w = np.zeros(elements)
    out_w = np.zeros(elements)
    loss = np.zeros(elements)
    for i in range(elements):  # from the loads: who carries what
        e = params.order[i]
        if served[e] == 0.0:
            continue
        out_w[e] += demand_w[e]
        loss[e] = _loss_w(
            out_w[e],
            params.rating_w[e],
            params.constant_frac[e],
            params.linear_frac[e],
            params.quadratic_frac[e],
        )
        in_w[e] = out_w[e] + loss[e]
        for f in range(params.first_feed[i], params.first_feed[i + 1]):
            parent = params.feeder[f]
            out_w[parent] += in_w[e] * params.share_frac[f] * served[parent] / alive_share[e]
    return in_w, out_w, loss, served


def step(params: Params, state: State, inputs: Inputs, dt_s: float) -> tuple[State, Outputs]:
    """Energies over ``dt_s`` with constant inputs; exact for any length."""
    in_w, out_w, loss, served = _flow(params, inputs.demand_w, inputs.is_up)
    received = inputs.demand_w * served * dt_s
    return state, Outputs(
        in_w * dt_s, out_w * dt_s, loss * dt_s, received, out_w / params.rating_w, served, served * dt_s
    )
