"""The front door of a site with several halls: which hall serves whom.

Every session, and every request without one, goes to one hall for good, whatever the load of the others. A trace
of many copies gives whole copies to the halls in turn; Poisson arrivals become as many independent processes, a
fixed population of users is shared out; all else is dealt at random. Each way adds up to the load of the site.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from twin.requests import Requests
from twin.scenario.workloads.merge import chosen, roots
from twin.scenario.workloads.schema import Stream

Draw = Callable[..., np.random.Generator]


@dataclass(frozen=True)
class Hall:
    """One of some equal halls.

    Parameters
    ----------
    index, count : int
        Which, from 0, of how many.
    """

    index: int = 0
    count: int = 1


ONLY = Hall()
"""The hall of a site that has one."""


def has_parts(part: Stream, hall: Hall) -> bool:
    """Whether a stream falls into parts of its own, so that no hall draws what others serve."""
    if hall.count == 1:
        return True
    if part.limit is not None or part.clients is not None:
        return False
    if part.synthetic is not None:
        arrivals = part.synthetic.arrivals
        return arrivals is None or arrivals.process in ("poisson", "diurnal")
    copies = part.copies if part.scale is None else part.scale.factor
    return (part.scale is None or part.scale.by == "superposition") and copies >= hall.count


def part_of(part: Stream, hall: Hall) -> Stream:
    """Part of a random stream that one hall serves; traces are parted copy by copy.

    Examples
    --------
    >>> chat = Stream.model_validate({"synthetic": {"arrivals": {"rate": "6 1/s"}}, "kind": "chat"})
    >>> part_of(chat, Hall(0, 3)).synthetic.arrivals.rate
    2.0
    """
    spec = part.synthetic
    if hall.count == 1 or spec is None:
        return part
    if spec.arrivals is not None:
        less = spec.arrivals.model_copy(update={"rate": spec.arrivals.rate / hall.count})
        return part.model_copy(update={"synthetic": spec.model_copy(update={"arrivals": less})})
    assert spec.closed is not None, "checked with the scenario"
    users = spec.closed.users // hall.count + (hall.index < spec.closed.users % hall.count)
    closed = spec.closed.model_copy(update={"users": users})
    return part.model_copy(update={"synthetic": spec.model_copy(update={"closed": closed})})


def dealt(requests: Requests, hall: Hall, draw: Draw) -> Requests:
    """Requests that one hall gets when sessions and single requests are dealt at random.

    Parameters
    ----------
    requests : Requests
        Of the whole site.
    hall : Hall
        Who gets them.
    draw : callable
        Gives the random stream of a name.

    Examples
    --------
    >>> from functools import partial
    >>> from twin.requests import make
    >>> from twin.rng import stream
    >>> site = make(np.arange(1000.0), np.ones(1000), np.ones(1000))
    >>> halls = [dealt(site, Hall(i, 4), partial(stream, 1)).rows for i in range(4)]
    >>> sum(halls), min(halls) > 200
    (1000, True)
    """
    if hall.count == 1:
        return requests
    root = roots(requests)
    _, first, whose = np.unique(requests.session, return_index=True, return_inverse=True)
    root = np.where(requests.session >= 0, first[whose.reshape(-1)], root)
    return chosen(requests, draw("hall").integers(0, hall.count, requests.rows)[root] == hall.index)
