"""Lines and transformers as branches of a balanced three-phase network, in per unit.

A branch is an ideal transformer at its first end followed by a pi of one series impedance and half a shunt at
each end. Voltages are of the equivalent single phase, powers of all three.

Sources: Kundur, *Power System Stability and Control*, 1994, chapters 3.2 and 6; IEC 60909-0:2016 for the data on
a transformer's plate; Kersting, *Distribution System Modeling and Analysis*, 4th ed. 2017, chapter 10.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]


class Branch(NamedTuple):
    """Branches in per unit of the nominal voltages of their ends and of one base power.

    Parameters
    ----------
    ratio : complex array (branch)
        Voltage at the first end over that behind the ideal transformer [1]; its angle is the shift.
    series_pu : complex array (branch)
        Series impedance, not zero [1].
    shunt_pu : complex array (branch)
        Shunt admittance, half of it at each end of the pi [1].
    """

    ratio: Complex
    series_pu: Complex
    shunt_pu: Complex


class Chain(NamedTuple):
    """What stands at the near end for a voltage and a current at the far end.

    ``v_near = a v_far + b i_far`` and ``i_near = c v_far + d i_far``; currents run from near to far.
    """

    a: Complex
    b: Complex
    c: Complex
    d: Complex


class Flow(NamedTuple):
    """Currents (time, branch) [1]: into the branch at its first end, out of it at its second."""

    in_pu: Complex
    out_pu: Complex


def line(series_ohm: Complex, shunt_s: Complex, nominal_v: Array, base_va: float) -> Branch:
    """Lines and cables as pi sections.

    Parameters
    ----------
    series_ohm : complex array (branch)
        Resistance and reactance of the whole length [Ohm], not zero.
    shunt_s : complex array (branch)
        Leakage and charging of the whole length, ``j 2 pi f C`` [S].
    nominal_v : array (branch)
        Nominal voltage between two phases, the same at both ends [V].
    base_va : float
        Base power [VA].

    Examples
    --------
    >>> cable = line(np.array([0.121 + 0.242j]), np.array([1e-6j]), np.array([11e3]), 1e6)
    >>> cable.series_pu.round(6), cable.shunt_pu.round(6)
    (array([0.001+0.002j]), array([0.+0.000121j]))
    """
    base_ohm = nominal_v**2 / base_va
    return Branch(np.ones(len(base_ohm), np.complex128), series_ohm / base_ohm, shunt_s * base_ohm)


def transformer(
    rated_va: Array,
    short_circuit_frac: Array,
    resistance_frac: Array,
    no_load_w: Array,
    no_load_current_frac: Array,
    *,
    rated_v: tuple[Array, Array],
    nominal_v: tuple[Array, Array],
    tap_frac: tuple[Array, Array],
    shift_rad: Array,
    base_va: float,
) -> Branch:
    """Two-winding transformers from the data on their plates, as a T with half the impedance on each side.

    Parameters
    ----------
    rated_va : array (branch)
        Rated power [VA].
    short_circuit_frac, resistance_frac : array (branch)
        Short-circuit voltage and its resistive part, as shares of rated voltage [1].
    no_load_w : array (branch)
        Loss in the core at rated voltage [W].
    no_load_current_frac : array (branch)
        Current without load as a share of rated current [1]; not below the loss over the rated power counts.
    rated_v, nominal_v : pair of array (branch)
        Rated voltages of the windings, and nominal ones of the network, first and second end [V].
    tap_frac : pair of array (branch)
        Turns added by the tap changer on either winding, as a share [1].
    shift_rad : array (branch)
        Angle by which the second end lags the first [rad].
    base_va : float
        Base power [VA].

    Returns
    -------
    Branch
        The T turned into the pi that is the same at its ends. Impedance and core are those of the second winding as
        tapped: the plate's figures hold at its voltage without load.

    Examples
    --------
    >>> one = np.ones(1)
    >>> plate = (1e6 * one, 0.06 * one, 0.01 * one, 0.0 * one, 0.0 * one)
    >>> unit = transformer(*plate, rated_v=(11e3 * one, 415 * one), nominal_v=(11e3 * one, 415 * one),
    ...                    tap_frac=(0.05 * one, 0 * one), shift_rad=0 * one, base_va=1e6)
    >>> unit.ratio.real, unit.series_pu.round(4)
    (array([1.05]), array([0.01+0.0592j]))
    """
    first_v, second_v = (rated * (1 + tap) for rated, tap in zip(rated_v, tap_frac, strict=True))
    reactance = np.sqrt(np.maximum(short_circuit_frac**2 - resistance_frac**2, 0.0))
    series = (resistance_frac + 1j * reactance) * base_va / rated_va * (second_v / nominal_v[1]) ** 2
    magnetising = np.sqrt(np.maximum((no_load_current_frac * rated_va) ** 2 - no_load_w**2, 0.0))
    core = (no_load_w - 1j * magnetising) / base_va * (nominal_v[1] / second_v) ** 2
    ratio = first_v / nominal_v[0] * nominal_v[1] / second_v * np.exp(1j * shift_rad)
    bend = 1 + series * core / 4
    return Branch(ratio, series * bend, core / bend)


def chain(branch: Branch, reverse: NDArray[np.bool_]) -> Chain:
    """Chain matrices from the near to the far end.

    Parameters
    ----------
    branch : Branch
        In per unit.
    reverse : array (branch), bool
        Where the second end is the near one.

    Examples
    --------
    >>> one = Branch(np.array([2 + 0j]), np.array([0.1j]), np.array([0j]))
    >>> chain(one, np.array([False])).a, chain(one, np.array([True])).a
    (array([2.+0.j]), array([0.5+0.j]))
    """
    n, z, y = branch
    bend = 1 + z * y / 2
    a, b, c, d = n * bend, n * z, y * (1 + z * y / 4) / n.conj(), bend / n.conj()
    turn = n / n.conj()
    forth, back = (a, b, c, d), (d / turn, b / turn, c / turn, a / turn)
    return Chain(*(np.where(reverse, y, x) for x, y in zip(forth, back, strict=True)))


def admittance(branch: Branch) -> tuple[Complex, Complex, Complex, Complex]:
    """Entries of the admittance matrix: first-first, first-second, second-first, second-second.

    Examples
    --------
    >>> one = Branch(np.array([2 + 0j]), np.array([0.1 + 0j]), np.array([0j]))
    >>> [float(y[0].real) for y in admittance(one)]
    [2.5, -5.0, -5.0, 10.0]
    """
    n, z, y = branch
    own, cross = 1 / z + y / 2, -1 / z
    return own / np.abs(n) ** 2, cross / n.conj(), cross / n, own


def flow(branch: Branch, first_pu: Complex, second_pu: Complex) -> Flow:
    """Currents for the voltages (time, branch) at both ends.

    Examples
    --------
    >>> one = Branch(np.array([1 + 0j]), np.array([0.1 + 0j]), np.array([0j]))
    >>> flow(one, np.array([[1.0 + 0j]]), np.array([[0.9 + 0j]])).out_pu.round(9)
    array([[1.+0.j]])
    """
    behind = first_pu / branch.ratio
    along = (behind - second_pu) / branch.series_pu
    half = branch.shunt_pu / 2
    return Flow((along + half * behind) / branch.ratio.conj(), along - half * second_pu)


def load_current(power: Complex, current: Complex, impedance: Complex, voltage_pu: Complex) -> Complex:
    """Current drawn by loads that hold their power, their current and their impedance.

    Parameters
    ----------
    power, current, impedance : complex array (..., bus)
        Drawn at nominal voltage by each kind, lagging with a positive imaginary part, in per unit [1].
    voltage_pu : complex array (..., bus)
        Voltage, not zero [1].

    Examples
    --------
    >>> half, none = np.array([0.5 + 0j]), np.zeros(1, complex)
    >>> [float(abs(load_current(*kinds, np.array([0.9 + 0j]))[0]).__round__(4))
    ...  for kinds in ((half, none, none), (none, half, none), (none, none, half))]
    [0.5556, 0.5, 0.45]
    """
    size = np.abs(voltage_pu)
    drawn: Complex = np.conj((power + size * (current + size * impedance)) / voltage_pu)
    return drawn
