"""The loop, its integer ticks, and what a process may touch."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import simpy

from twin.errors import Fault, PhysicalRangeError, TwinError
from twin.rng import stream


class Plant(Protocol):
    """What the loop needs of a plant."""

    def step(self, dt_s: float) -> None:
        """Advance every model alone by a step, its inputs constant."""

    def exchange(self) -> None:
        """Let the models tell each other what they did in the tick that ends now."""


class Sampler(Protocol):
    """What the loop needs of a recorder."""

    def next_due(self) -> float:
        """Instant of the next sample [s]."""

    def sample(self, now_s: float) -> None:
        """Record if a sample is due."""


@dataclass
class Ticks:
    """Ticks counted in integers, so that no instant drifts.

    Parameters
    ----------
    tick_s : float
        Length of a tick [s], larger than zero.

    Examples
    --------
    >>> ticks = Ticks(0.1)
    >>> ticks.next()
    0.1
    >>> ticks.due(0.1), ticks.due(0.1)
    (True, False)
    """

    tick_s: float
    count: int = 0

    def next(self) -> float:
        """Instant of the next tick [s]."""
        return (self.count + 1) * self.tick_s

    def due(self, now_s: float) -> bool:
        """Whether a tick ends at this instant; answers yes once for each tick."""
        if now_s < self.next():
            return False
        self.count += 1
        return True


@dataclass
class Event:
    """Something that happened, as it goes into the file."""

    time_s: float
    kind: str
    asset: str
    what: str
    cause: str


@dataclass
class Agenda:
    """The SimPy environment of a run, advanced by the loop."""

    env: simpy.Environment = field(default_factory=simpy.Environment)

    def peek(self) -> float:
        """Instant of the next process event [s], infinity if there is none."""
        return float(self.env.peek())

    def run_due(self, now_s: float) -> None:
        """Wake every process that is due up to and including this instant."""
        while self.env.peek() <= now_s:
            self.env.step()


@dataclass
class Context:
    """What a process may touch: views to read, inputs to write by asset id, a log, its own random numbers.

    Parameters
    ----------
    env : simpy.Environment
        For waiting: ``yield ctx.env.timeout(seconds)``.
    inputs : mapping of str to array
        Writable inputs of the plant, ``kind.quantity`` to one value an asset. State is not reachable.
    ids : mapping of str to tuple of str
        Asset ids by kind, in the order of the arrays.
    read : callable
        ``read("cdu.supply_k")`` gives a read-only copy of what was last observed.
    seed : int
        Seed of the run.
    """

    env: simpy.Environment
    inputs: Mapping[str, np.ndarray]
    ids: Mapping[str, tuple[str, ...]]
    read: Callable[[str], np.ndarray]
    seed: int
    events: list[Event] = field(default_factory=list)
    bells: dict[str, simpy.Event] = field(default_factory=dict)

    def bell(self, name: str) -> simpy.Event:
        """What a process waits for until another one rings it; its value is the cause."""
        return self.bells.setdefault(name, self.env.event())

    def ring(self, name: str, cause: str = "") -> None:
        """Wake every process that waits for a bell, at this instant."""
        if name in self.bells:
            self.bells.pop(name).succeed(cause)

    def write(self, name: str, asset: str, value: float) -> None:
        """Set an input of one asset; models see it from now on.

        Raises
        ------
        TwinError
            When there is no such input or no such asset.
        """
        kind = name.split(".", 1)[0]
        if name not in self.inputs or asset not in self.ids[kind]:
            known = ", ".join(self.ids.get(kind, ())[:8]) if name in self.inputs else ", ".join(self.inputs)
            raise TwinError(
                "a process writes to something that does not exist",
                [
                    Fault(
                        "",
                        0,
                        f"{name} of {asset}",
                        "no such input or asset",
                        known,
                        "name an input and asset of the site",
                    )
                ],
            )
        self.inputs[name][self.ids[kind].index(asset)] = value

    def value(self, name: str, asset: str) -> float:
        """Present value of an input of one asset."""
        return float(self.inputs[name][self.ids[name.split(".", 1)[0]].index(asset)])

    def log(self, kind: str, asset: str, what: str, cause: str = "") -> None:
        """Note an event for the file."""
        self.events.append(Event(float(self.env.now), kind, asset, what, cause))

    def random(self, *name: str) -> np.random.Generator:
        """Random stream of that name; adding one never moves another."""
        return stream(self.seed, *name)


Process = Callable[..., Generator[Any, Any, None]]


def run_loop(plant: Plant, agenda: Agenda, ticks: Ticks, recorder: Sampler, end_s: float) -> None:
    """Run until the end; the whole coupling in ten lines.

    Raises
    ------
    PhysicalRangeError
        When a model leaves its physical range, with the instant added; what was recorded stays.
    """
    now = 0.0
    agenda.run_due(now)
    recorder.sample(now)
    while now < end_s:
        until = min(agenda.peek(), ticks.next(), recorder.next_due(), end_s)
        try:
            plant.step(until - now)
        except PhysicalRangeError as error:
            raise PhysicalRangeError(f"at {until:.3f} s: {error.message}", error.faults) from None
        now = until
        if ticks.due(now):
            plant.exchange()
        agenda.run_due(now)
        recorder.sample(now)
