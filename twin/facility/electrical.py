"""A three-phase network as it is described: buses, sources, lines, transformers, ties, loads."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from twin.errors import Fault, TwinError

Power: TypeAlias = complex | NDArray[np.complex128]
"""Active and, lagging positive, reactive power as one complex number [VA], or such an array (time)."""


class NetworkError(TwinError):
    """A network that cannot be solved: unknown buses, impossible plates, or loads beyond what it can carry."""


@dataclass(frozen=True)
class Bus:
    """A busbar.

    Parameters
    ----------
    name : str
        Its own.
    nominal_v : float
        Nominal voltage between two phases [V], above zero.
    """

    name: str
    nominal_v: float


@dataclass(frozen=True)
class Source:
    """A stiff source: the grid, or a plant that holds voltage and frequency.

    Parameters
    ----------
    name, bus : str
        Its own, and where it stands.
    voltage_pu : float
        Voltage over nominal [1], above zero.
    angle_rad : float
        Angle of its voltage [rad].
    in_service : bool
        Whether it is there.
    """

    name: str
    bus: str
    voltage_pu: float = 1.0
    angle_rad: float = 0.0
    in_service: bool = True


@dataclass(frozen=True)
class Line:
    """A cable, an overhead line or a busway between buses of one nominal voltage.

    Parameters
    ----------
    name, from_bus, to_bus : str
        Its own, and its ends.
    resistance_ohm, reactance_ohm : float
        Of the whole length and one phase [Ohm]; not both zero.
    rated_a : float
        Rated current [A], above zero.
    susceptance_s : float
        Charging of the whole length, ``2 pi f C`` [S].
    conductance_s : float
        Leakage of the whole length [S].
    in_service : bool
        Whether it is switched in at both ends.
    """

    name: str
    from_bus: str
    to_bus: str
    resistance_ohm: float
    reactance_ohm: float
    rated_a: float
    susceptance_s: float = 0.0
    conductance_s: float = 0.0
    in_service: bool = True


@dataclass(frozen=True)
class Transformer:
    """A transformer with two windings; see :func:`twin.physics.load_flow.transformer`.

    Parameters
    ----------
    name, from_bus, to_bus : str
        Its own, and its ends.
    rated_va : float
        Rated power [VA], above zero.
    rated_from_v, rated_to_v : float
        Rated voltages of the windings [V], above zero.
    short_circuit_frac, resistance_frac : float
        Short-circuit voltage and its resistive part, as shares of rated voltage [1]; the first above zero.
    no_load_w : float
        Loss in the core at rated voltage [W], zero or larger.
    no_load_current_frac : float
        Current without load as a share of rated current [1], zero or larger.
    tap_from_frac, tap_to_frac : float
        Turns added by the tap changer on either winding, as a share [1], above -1.
    shift_rad : float
        Angle by which ``to_bus`` lags [rad].
    in_service : bool
        Whether it is switched in at both ends.
    """

    name: str
    from_bus: str
    to_bus: str
    rated_va: float
    rated_from_v: float
    rated_to_v: float
    short_circuit_frac: float
    resistance_frac: float
    no_load_w: float = 0.0
    no_load_current_frac: float = 0.0
    tap_from_frac: float = 0.0
    tap_to_frac: float = 0.0
    shift_rad: float = 0.0
    in_service: bool = True


@dataclass(frozen=True)
class Tie:
    """A coupler without impedance between two buses of one nominal voltage.

    Parameters
    ----------
    name, from_bus, to_bus : str
        Its own, and its ends.
    closed : bool
        Whether it joins them.
    """

    name: str
    from_bus: str
    to_bus: str
    closed: bool = False


@dataclass(frozen=True)
class Load:
    """What is drawn at a bus, in three parts that add up; a generator draws negative power.

    Parameters
    ----------
    name, bus : str
        Its own, and where it stands.
    power_va : complex or complex array (time)
        Part that does not depend on the voltage: drives, UPS, power supplies [VA].
    current_va, impedance_va : complex or complex array (time)
        Parts in proportion to the voltage and to its square, at nominal voltage [VA]. A capacitor has a negative
        imaginary ``impedance_va``.
    """

    name: str
    bus: str
    power_va: Power = 0j
    current_va: Power = 0j
    impedance_va: Power = 0j


@dataclass(frozen=True)
class Network:
    """A network, checked when it is made.

    Parameters
    ----------
    buses, sources, lines, transformers, ties, loads : tuple
        Its parts.

    Raises
    ------
    NetworkError
        With everything that cannot be: names used twice, unknown buses, figures outside their range, two nominal
        voltages on one conductor, series of different lengths, no source.

    Examples
    --------
    >>> try:
    ...     Network((Bus("A", 400.0),), (Source("grid", "B"),))
    ... except NetworkError as error:
    ...     print(error)
    the network cannot be solved
    source grid
      found:    bus B
      expected: one of the 1 buses
      mend:     name the bus or add it
    """

    buses: tuple[Bus, ...]
    sources: tuple[Source, ...]
    lines: tuple[Line, ...] = ()
    transformers: tuple[Transformer, ...] = ()
    ties: tuple[Tie, ...] = ()
    loads: tuple[Load, ...] = ()

    def __post_init__(self) -> None:
        faults = [*_names(self), *_ends(self), *_figures(self), *_series(self)]
        if not self.sources:
            faults.append(_fault("network", "no source", "at least one", "add the grid or a generator"))
        if faults:
            raise NetworkError("the network cannot be solved", faults)

    @cached_property
    def branches(self) -> tuple[Line | Transformer, ...]:
        """Lines, then transformers."""
        return (*self.lines, *self.transformers)

    @cached_property
    def steps(self) -> int:
        """Length of the series of loads; 1 where all are single figures."""
        return max([np.size(series) for load in self.loads for series in _parts(load)], default=1)


def _fault(where: str, found: str, expected: str, mend: str) -> Fault:
    return Fault("", 0, where, found, expected, mend)


def _parts(load: Load) -> tuple[Power, Power, Power]:
    return load.power_va, load.current_va, load.impedance_va


def _names(network: Network) -> Iterable[Fault]:
    kinds = (network.buses, network.sources, (*network.branches, *network.ties), network.loads)
    for kind in kinds:
        seen: set[str] = set()
        for part in kind:
            if part.name in seen:
                yield _fault(_label(part), "this name twice", "a name of its own", "rename one")
            seen.add(part.name)


def _label(part: object) -> str:
    return f"{type(part).__name__.lower()} {getattr(part, 'name', '')}"


def _ends(network: Network) -> Iterable[Fault]:
    nominal_v = {bus.name: bus.nominal_v for bus in network.buses}
    for part in (*network.sources, *network.loads, *network.branches, *network.ties):
        named = (part.bus,) if isinstance(part, Source | Load) else (part.from_bus, part.to_bus)
        unknown = [bus for bus in named if bus not in nominal_v]
        for bus in unknown:
            yield _fault(
                _label(part), f"bus {bus}", f"one of the {len(nominal_v)} buses", "name the bus or add it"
            )
        if len(named) == 1 or unknown:
            continue
        if named[0] == named[1]:
            yield _fault(_label(part), f"both ends at {named[0]}", "two buses", "name the other end")
        volts = [nominal_v[bus] for bus in named]
        if not isinstance(part, Transformer) and not math.isclose(*volts, rel_tol=1e-9):
            found = f"{volts[0]:g} V and {volts[1]:g} V"
            yield _fault(_label(part), found, "one nominal voltage", "put a transformer between")


_ABOVE_ZERO = {
    "nominal_v", "rated_va", "rated_from_v", "rated_to_v", "rated_a", "short_circuit_frac", "voltage_pu",
}  # fmt: skip
_NOT_BELOW_ZERO = {"resistance_ohm", "no_load_w", "no_load_current_frac", "resistance_frac"}


def _figures(network: Network) -> Iterable[Fault]:
    for part in (*network.buses, *network.sources, *network.branches):
        for field in fields(part):
            value = getattr(part, field.name)
            if isinstance(value, str | bool):
                continue
            if not math.isfinite(value):
                yield _fault(f"{_label(part)}, {field.name}", f"{value:g}", "a number", "give the figure")
            elif field.name in _ABOVE_ZERO and value <= 0:
                yield _fault(f"{_label(part)}, {field.name}", f"{value:g}", "above 0", "mend the figure")
            elif field.name in _NOT_BELOW_ZERO and value < 0:
                yield _fault(f"{_label(part)}, {field.name}", f"{value:g}", "0 or more", "mend the figure")
    for line in network.lines:
        if line.resistance_ohm == 0.0 and line.reactance_ohm == 0.0:
            yield _fault(_label(line), "no impedance", "some", "make it a tie")
    for unit in network.transformers:
        if unit.resistance_frac > unit.short_circuit_frac:
            found = f"resistance {unit.resistance_frac:g} over {unit.short_circuit_frac:g} in all"
            yield _fault(_label(unit), found, "at most the short-circuit voltage", "mend the plate")
        if min(unit.tap_from_frac, unit.tap_to_frac) <= -1.0:
            yield _fault(_label(unit), "a tap without turns", "above -1", "give the tap as a share")


def _series(network: Network) -> Iterable[Fault]:
    steps = network.steps
    for load in network.loads:
        for series in _parts(load):
            if np.ndim(series) > 1 or np.size(series) not in (1, steps):
                found = f"a series of shape {np.shape(series)}"
                yield _fault(_label(load), found, f"one figure or {steps}", "give all series one length")
            elif not np.all(np.isfinite(series)):
                yield _fault(_label(load), "a figure that is no number", "numbers", "mend the series")
