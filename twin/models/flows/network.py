"""A network that carries flows: links, routes over them, and flows with max-min fair rates."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twin.models.flows import checks
from twin.models.flows.compiled import kernels
from twin.models.flows.state import CROSSING, DONE, NONE, SHARING, grown, make

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class FlowNetwork:
    """Flows over links of finite capacity, exact between events, stepped as far as the caller wants.

    A *route* is what a flow loads: links, each with the part of the flow's rate that crosses it, a weight and a rate
    cap. Rates are weighted max-min fair at every instant: no flow can be faster without making a flow slower that
    has no larger rate per weight. Flows on one route are one variable, however many they are.

    Parameters
    ----------
    capacity_bytes_per_s : array (link)
        Finite, at least 0.
    window_s : float
        Least time [s] between two times that rates are found anew; 0 finds them at every event and is exact. Until
        then rates stay as they are, ends keep their own instant, and what arrives waits; changes of capacity count
        at once.

    Raises
    ------
    FlowError
        With all faults of a call.

    Notes
    -----
    Sources: Bertsekas, Gallager, *Data Networks*, 2nd ed. 1992, section 6.5.2; ``docs/network-flows.md``. A flow
    that is done keeps about 60 bytes.

    Examples
    --------
    >>> net = FlowNetwork([10.0])
    >>> route = net.add_routes([0, 1], [0])
    >>> flows = net.add([route[0], route[0]], [100.0, 50.0], [0.0, 0.0])
    >>> net.advance(10.0).tolist(), net.remaining_bytes.tolist(), net.next_event_s
    ([1], [50.0, 0.0], 15.0)
    """

    def __init__(self, capacity_bytes_per_s: ArrayLike, window_s: float = 0.0) -> None:
        capacity = np.ascontiguousarray(capacity_bytes_per_s, float)
        checks.require(checks.capacities(capacity), "links that cannot carry flows")
        checks.require(checks.at_least_zero("window_s", np.array([window_s])), "not a window")
        self._state = make(capacity, window_s)
        self._hops = self._routes = self._flows = self._edges = 0
        self._table = np.full(64, NONE, np.int32)
        self._counts = np.zeros(len(capacity), np.int64)
        self._spot = np.full(len(capacity), NONE, np.int64)

    def add_routes(
        self, first: ArrayLike, links: ArrayLike, parts: ArrayLike | None = None, weight: ArrayLike = 1.0,
        cap_bytes_per_s: ArrayLike = np.inf,
    ) -> Ints:  # fmt: skip
        """Add routes; equal ones get one number.

        Parameters
        ----------
        first : array (route + 1)
            Where the crossings of each route begin, and the end of the last.
        links : array (crossing)
            Numbers of links.
        parts : array (crossing), optional
            Bytes that cross the link per byte of the flow, above 0; 1 if left out. Parts of a link that is named
            twice are summed.
        weight, cap_bytes_per_s : float or array (route)
            Above 0; the cap holds for each flow of the route.

        Returns
        -------
        array (route)
            Their numbers.
        """
        begins, crossed = np.ascontiguousarray(first, np.int64), np.ascontiguousarray(links, np.int64)
        shares = np.ones(len(crossed)) if parts is None else np.ascontiguousarray(parts, float)
        count = len(begins) - 1
        weights = np.ascontiguousarray(np.broadcast_to(np.asarray(weight, float), count))
        caps = np.broadcast_to(np.asarray(cap_bytes_per_s, float), count)
        checks.require(
            checks.routes(begins, crossed, shares, weights, caps, len(self._counts)),
            "routes that no flow can take",
        )
        self._make_room(count, len(crossed))
        numbers = np.zeros(count, np.int64)
        self._routes = kernels().add_routes(
            self._state, self._table, self._counts, (self._routes, self._hops), begins, crossed, shares, weights,
            np.ascontiguousarray(caps / weights), self._spot, numbers,
        )  # fmt: skip
        if self._routes:
            self._hops = int(self._state.routes["last"][self._routes - 1])
        self._make_pool()
        return numbers

    def add(
        self, routes: ArrayLike, size_bytes: ArrayLike, start_at_s: ArrayLike, delay_s: ArrayLike = 0.0,
        after_first: ArrayLike | None = None, after: ArrayLike = (),
    ) -> Ints:  # fmt: skip
        """Add flows.

        Parameters
        ----------
        routes : array (flow)
            Numbers that :meth:`add_routes` gave.
        size_bytes : float or array (flow)
            At least 0.
        start_at_s : float or array (flow)
            Not before :attr:`now_s`.
        delay_s : float or array (flow)
            Time before a flow loads its links [s]: latency, start-up; part of its completion time.
        after_first, after : array (flow + 1), array (dependency), optional
            Numbers of flows that must be done before; new flows have the numbers from :attr:`flows` on.

        Returns
        -------
        array (flow)
            Their numbers.
        """
        new = self._rows(np.asarray(routes, np.int64), size_bytes, start_at_s, delay_s)
        begin, end = self._flows, self._flows + len(new)
        starts = (
            np.zeros(len(new) + 1, np.int64) if after_first is None else np.asarray(after_first, np.int64)
        )
        waits = np.asarray(after, np.int64).reshape(-1)
        found = checks.flows(new, self._routes, self.now_s) + checks.waits(starts, waits, len(new), end)
        checks.require(found, "flows that cannot be carried")
        s = self._state
        self._state = s._replace(
            flows=grown(s.flows, end), finished=grown(s.finished, end), coming_at_s=grown(s.coming_at_s, end),
            coming_flow=grown(s.coming_flow, end), edges=grown(s.edges, self._edges + len(waits)),
        )  # fmt: skip
        self._state.flows[begin:end] = new
        self._edges = kernels().enrol(
            self._state, begin, end, np.ascontiguousarray(starts), np.ascontiguousarray(waits), self._edges
        )
        self._flows = end
        return np.arange(begin, end)

    def change_capacity(self, at_s: ArrayLike, links: ArrayLike, capacity_bytes_per_s: ArrayLike) -> None:
        """Change capacities of links at instants not before :attr:`now_s`; 0 stops what crosses the link.

        Parameters
        ----------
        at_s, links, capacity_bytes_per_s : float, int or array (change)
            Changes of one instant count in the order given.
        """
        s, clock = self._state, self._state.clock[0]
        at, link, capacity = np.broadcast_arrays(
            np.atleast_1d(np.asarray(at_s, float)), np.asarray(links, np.int64), np.asarray(capacity_bytes_per_s, float)
        )  # fmt: skip
        checks.require(
            checks.changes(at, link, capacity, len(self._counts), self.now_s), "changes that cannot happen"
        )
        rest = s.changes[clock["next_change"] : clock["changes"]]
        new = np.zeros(len(rest) + len(at), s.changes.dtype)
        new[: len(rest)] = rest
        tail = new[len(rest) :]
        tail["at_s"], tail["link"], tail["capacity_bytes_per_s"] = at, link, capacity
        clock["next_change"], clock["changes"] = 0, len(new)
        self._state = s._replace(changes=new[np.argsort(new["at_s"], kind="stable")])

    def advance(self, until_s: float = np.inf) -> Ints:
        """Handle all events up to an instant.

        Parameters
        ----------
        until_s : float
            Instant [s] at which to stand; infinity runs to the last event.

        Returns
        -------
        array (flow)
            Numbers of the flows that ended since the last call, in order of their ends.
        """
        kernels().advance(self._state, float(until_s))
        clock = self._state.clock[0]
        ended = self._state.finished[: clock["finished"]].astype(np.int64)
        clock["finished"] = 0
        return ended

    @property
    def now_s(self) -> float:
        """Instant at which the network stands [s]."""
        return float(self._state.clock["now_s"][0])

    @property
    def next_event_s(self) -> float:
        """Instant of the next event [s]; infinite when nothing will happen any more."""
        s, clock = self._state, self._state.clock[0]
        due = s.due_at_s[0] if clock["due"] else np.inf
        coming = s.coming_at_s[0] if clock["coming"] else np.inf
        change = (
            s.changes["at_s"][clock["next_change"]] if clock["next_change"] < clock["changes"] else np.inf
        )
        return float(min(due, coming, change))

    @property
    def flows(self) -> int:
        """Flows added so far."""
        return self._flows

    @property
    def finished_at_s(self) -> Floats:
        """Instants (flow) at which flows ended [s]; infinite for those that have not."""
        return self._state.flows["finished_at_s"][: self._flows].copy()

    @property
    def released_at_s(self) -> Floats:
        """Instants (flow) from which flows could begin [s]; their earliest start while they wait for others."""
        return self._state.flows["released_at_s"][: self._flows].copy()

    @property
    def rate_bytes_per_s(self) -> Floats:
        """Rates (flow) now."""
        flows = self._state.flows[: self._flows]
        route = self._state.routes[flows["route"]]
        shares = flows["status"] == SHARING
        return np.where(shares, route["weight"] * np.where(shares, route["level"], 0.0), 0.0)

    @property
    def remaining_bytes(self) -> Floats:
        """Bytes (flow) still to be carried."""
        flows = self._state.flows[: self._flows]
        route = self._state.routes[flows["route"]]
        since_s = np.where(flows["status"] == SHARING, self.now_s - route["served_at_s"], 0.0)
        left = flows["target_bytes"] - route["served_bytes"] - self.rate_bytes_per_s * since_s
        on_links = np.maximum(left, 0.0)
        is_sharing, is_done = flows["status"] == SHARING, flows["status"] == DONE
        return np.select([is_sharing, is_done], [on_links, 0.0], flows["size_bytes"])

    @property
    def capacity_bytes_per_s(self) -> Floats:
        """Capacities (link) now."""
        return self._state.links["capacity_bytes_per_s"].copy()

    @property
    def load_bytes_per_s(self) -> Floats:
        """Loads (link) now."""
        return self._state.links["load_bytes_per_s"].copy()

    @property
    def solves(self) -> int:
        """Times that rates were found anew."""
        return int(self._state.clock["solves"][0])

    def _rows(
        self, routes: Ints, size_bytes: ArrayLike, start_at_s: ArrayLike, delay_s: ArrayLike
    ) -> NDArray[Any]:
        new = np.zeros(len(routes), self._state.flows.dtype)
        new["route"], new["size_bytes"] = np.clip(routes, NONE, 2**31 - 1), size_bytes
        new["released_at_s"], new["delay_s"] = start_at_s, delay_s
        new["finished_at_s"] = np.inf
        new["child"] = new["link"] = new["edge"] = NONE
        return new

    def _make_room(self, routes: int, hops: int) -> None:
        s, routes, hops = self._state, self._routes + routes, self._hops + hops
        self._state = s = s._replace(
            routes=grown(s.routes, routes + 1), due_at_s=grown(s.due_at_s, routes), changed=grown(s.changed, routes),
            due_route=grown(s.due_route, routes), hop_link=grown(s.hop_link, hops), hop_part=grown(s.hop_part, hops),
            hop_slot=grown(s.hop_slot, hops),
        )  # fmt: skip
        if 2 * routes > len(self._table):
            self._table = np.full(1 << (4 * routes).bit_length(), NONE, np.int32)
            kernels().rehash(s, self._table, self._routes)

    def _make_pool(self) -> None:
        """Room at every link for all routes that cross it, half as much again when it must grow."""
        s = self._state
        room = np.diff(np.append(s.links["first"], len(s.pool)))
        if np.all(self._counts <= room):
            return
        need = np.where(self._counts <= room, room, self._counts + self._counts // 2)
        first = np.concatenate([[0], np.cumsum(need)])
        pool = np.zeros(first[-1], CROSSING)
        kernels().move_pool(s, pool, first)
        most = int(need.max())
        self._state = s._replace(pool=pool, limit=grown(s.limit, most), amount=grown(s.amount, most))
