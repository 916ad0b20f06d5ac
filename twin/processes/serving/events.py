"""Instants of the event twin, their order, the hops of a way, and sums without drift."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import simpy
from simpy.events import NORMAL, EventPriority

from twin.errors import Fault, ScenarioError

Path = Sequence[tuple[str, float]]

ARRIVAL, AGAIN, GIVE_UP, TRANSFER, PUBLISH, HOP, BOUNDARY = range(7)
"""Kinds of events in their order within an instant; ``AGAIN`` is also the arrival of a follower. Hops change
nothing that another event could see."""

_ROWS = 1 << 40  # more than the rows of any run


class Span(NamedTuple):
    """A stretch of a request's life.

    Parameters
    ----------
    row : int
        Request.
    hop : str
        Part of the path, or ``queue``, ``prefill``, ``handoff``, ``transfer``, ``decode``, ``retry``.
    from_s, to_s : float
        Instants [s].
    """

    row: int
    hop: str
    from_s: float
    to_s: float


class Instant(simpy.Event):
    """Event at an absolute instant, to the last digit where a timeout's sum ``now + delay`` may round.

    Parameters
    ----------
    env : simpy.Environment
        Clock.
    at_s : float
        Not before now [s].
    priority : EventPriority
        Order among events of one instant, smaller first.

    Examples
    --------
    >>> env = simpy.Environment(0.1)
    >>> env.run(Instant(env, 0.7))
    >>> env.now
    0.7
    """

    def __init__(self, env: simpy.Environment, at_s: float, priority: EventPriority = NORMAL) -> None:
        super().__init__(env)
        self._ok = True
        self._value = None
        delay_s = at_s - env.now
        for _ in range(4):  # where sums fall between two numbers the instant itself may be out of reach
            if env.now + delay_s == at_s:
                break
            delay_s = float(np.nextafter(delay_s, np.inf if env.now + delay_s < at_s else -np.inf))
        env.schedule(self, priority=priority, delay=delay_s)


def at(
    env: simpy.Environment, at_s: float, kind: int, row: int, call: Callable[[simpy.Event], None]
) -> Instant:
    """Call something at an instant, in the order of (kind, row).

    Parameters
    ----------
    env : simpy.Environment
        Clock.
    at_s : float
        When [s]; what is past happens now.
    kind, row : int
        Place among the events of the instant; the row of a boundary is its group.
    call : callable
        Gets the event.

    Examples
    --------
    >>> env, order = simpy.Environment(), []
    >>> for kind, row in ((BOUNDARY, 0), (AGAIN, 7), (ARRIVAL, 9), (AGAIN, 3)):
    ...     _ = at(env, 1.0, kind, row, lambda event, seen=(kind, row): order.append(seen))
    >>> env.run()
    >>> order
    [(0, 9), (1, 3), (1, 7), (6, 0)]
    """
    priority = EventPriority(int(NORMAL) + 1 + kind * _ROWS + row)
    event = Instant(env, max(at_s, env.now), priority)
    event.callbacks.append(call)
    return event


def add(a: float, b: float) -> tuple[float, float]:
    """Sum and what rounding lost of it (Knuth, *The Art of Computer Programming*, vol. 2, 4.2.2).

    Examples
    --------
    >>> add(1e16, 1.0)
    (1e+16, 1.0)
    """
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def hop_ends(paths: Sequence[Path] | None, sums_s: Sequence[float], way: str) -> list[Path]:
    """For every replica, hops with the time from the start of the way to their end.

    Parameters
    ----------
    paths : sequence of sequence of (name, seconds)
        Hops of each replica; without them each way is one hop.
    sums_s : (replica,)
        What the hops must add up to [s].
    way : str
        Name of the way.

    Raises
    ------
    ScenarioError
        With every replica whose hops do not add up.

    Examples
    --------
    >>> hop_ends([[("leaf", 0.25), ("nic", 0.5)]], [0.75], "ingress")
    [[('leaf', 0.25), ('nic', 0.75)]]
    """
    if paths is None:
        return [[(way, float(total_s))] for total_s in sums_s]
    ways: list[Path] = []
    faults = []
    for replica, (path, total_s) in enumerate(zip(paths, sums_s, strict=True)):
        ends = np.cumsum([seconds for _, seconds in path]).tolist()
        last_s = ends[-1] if ends else 0.0
        if not np.isclose(last_s, total_s, rtol=1e-9, atol=1e-15):
            found, mend = f"hops of {last_s} s", "use one path for both"
            faults.append(Fault("", 0, f"replica {replica} {way}", found, f"{total_s} s", mend))
        if ends:
            ends[-1] = float(total_s)  # the same instant as in the kernel, whatever the order of the sum
        ways.append([(hop, end_s) for (hop, _), end_s in zip(path, ends, strict=True)])
    if faults:
        raise ScenarioError("a path does not add up", faults)
    return ways
