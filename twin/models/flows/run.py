"""All flows of a network at once, from arrays to completion times."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twin.models.flows.network import FlowNetwork


class Completion(NamedTuple):
    """When flows were released and done.

    Parameters
    ----------
    released_at_s, finished_at_s : array (flow)
        Instants [s]; a flow that never ends has an infinite end.
    """

    released_at_s: NDArray[np.float64]
    finished_at_s: NDArray[np.float64]

    @property
    def fct_s(self) -> NDArray[np.float64]:
        """Flow completion times (flow): from release to end [s]."""
        return self.finished_at_s - self.released_at_s


def simulate(
    capacity_bytes_per_s: ArrayLike, first: ArrayLike, links: ArrayLike, size_bytes: ArrayLike,
    start_at_s: ArrayLike = 0.0, *, delay_s: ArrayLike = 0.0, parts: ArrayLike | None = None,
    weight: ArrayLike = 1.0, cap_bytes_per_s: ArrayLike = np.inf, after_first: ArrayLike | None = None,
    after: ArrayLike = (), change_at_s: ArrayLike = (), change_link: ArrayLike = (),
    change_capacity_bytes_per_s: ArrayLike = (), window_s: float = 0.0,
) -> Completion:  # fmt: skip
    """Completion times of flows under max-min fairness.

    Parameters
    ----------
    capacity_bytes_per_s : array (link)
        At least 0.
    first, links, parts, weight, cap_bytes_per_s
        The route of each flow, as :meth:`FlowNetwork.add_routes` takes them; equal routes are found.
    size_bytes, start_at_s, delay_s, after_first, after
        The flows, as :meth:`FlowNetwork.add` takes them.
    change_at_s, change_link, change_capacity_bytes_per_s : array (change)
        Changes of capacity, as :meth:`FlowNetwork.change_capacity` takes them.
    window_s : float
        0 is exact; see :class:`FlowNetwork`.

    Raises
    ------
    FlowError
        With all faults of the first kind of input that has any.

    Examples
    --------
    >>> simulate([10.0, 5.0], [0, 1, 3], [0, 0, 1], [60.0, 20.0]).fct_s.tolist()
    [8.0, 4.0]
    """
    net = FlowNetwork(capacity_bytes_per_s, window_s)
    routes = net.add_routes(first, links, parts, weight, cap_bytes_per_s)
    if np.size(change_at_s):
        net.change_capacity(change_at_s, change_link, change_capacity_bytes_per_s)
    net.add(routes, size_bytes, start_at_s, delay_s, after_first, after)
    net.advance()
    return Completion(net.released_at_s, net.finished_at_s)
